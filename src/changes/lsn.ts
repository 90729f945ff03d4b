/** A place in the write-ahead log, as Postgres writes it: `0/16B3748`. */
export function parseLsn(text: string): bigint {
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** With all its digits, so that it sorts as text. Postgres reads it as it reads the short form. */
export function formatLsn(lsn: bigint): string {
  const digits = lsn.toString(16).toUpperCase().padStart(16, '0');
  return `${digits.slice(0, 8)}/${digits.slice(8)}`;
}
