import { type AddressInfo, connect, createServer } from 'node:net';

/**
 * A process of its own that stands between `pg` and a server and keeps back what is sent to the server. Arguments: the
 * server's host and port. It tells its parent the port it listens on, takes from it the delay in milliseconds, as a
 * fraction, or the question 'roundTrips', and ends with it.
 *
 * Timers of Node wake up a millisecond late or so. While something is kept back, but for all but the last two milliseconds, this
 * process turns its event loop instead, which takes a core and is exact to some microseconds.
 */
const [host, port] = process.argv.slice(2);
const kept: { due: number; send: () => void }[] = [];
let delay = 0;
/** How often a client has sent something after an answer, or at first: what it sends without waiting counts once. */
let roundTrips = 0;

function sendWhatIsDue(): void {
  while (kept[0] && kept[0].due <= performance.now()) kept.shift()?.send();
  const [next] = kept;
  if (!next) return;
  const millis = next.due - performance.now();
  if (millis > 2.5) setTimeout(sendWhatIsDue, millis - 2);
  else setImmediate(sendWhatIsDue);
}

function keep(send: () => void): void {
  kept.push({ due: performance.now() + delay, send });
  if (kept.length === 1) sendWhatIsDue();
}

const server = createServer((client) => {
  const upstream = connect(Number(port), host);
  let isAnswered = true;
  client.on('data', (chunk) => {
    if (isAnswered) roundTrips += 1;
    isAnswered = false;
    keep(() => upstream.write(chunk));
  });
  upstream.on('data', (chunk) => {
    isAnswered = true;
    client.write(chunk);
  });
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => other.destroy());
  }
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('message', (message) => {
  if (message === 'roundTrips') process.send?.(roundTrips);
  else delay = Number(message);
});
process.on('disconnect', () => process.exit());
// Ctrl-C reaches every process of the terminal; the parent still needs its connections to clean up.
process.on('SIGINT', () => {});
