/** What a client sends: the type of a message, or what it asks for in place of a login. */
export type ClientMessage = 'Cancel' | 'Startup' | 'Other' | (string & {});

const codes: Record<number, ClientMessage> = { 196608: 'Startup', 80877102: 'Cancel' };

/** Reads what a client sends: a length and a body before the login is asked for, then a type, a length and a body. */
export function messageReader(onMessage: (message: ClientMessage) => void): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0);
  let hasStarted = false;
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const typeLength = hasStarted ? 1 : 0;
      if (pending.length < typeLength + 4) return;
      const length = typeLength + pending.readUInt32BE(typeLength);
      if (pending.length < length) return;
      const message = hasStarted ? String.fromCharCode(pending[0] ?? 0) : (codes[pending.readUInt32BE(4)] ?? 'Other');
      hasStarted ||= message === 'Startup';
      pending = pending.subarray(length);
      onMessage(message);
    }
  };
}
