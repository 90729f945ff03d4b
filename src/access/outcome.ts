/** The word of docs/access.md for the SQLSTATE of an error. A statement that fails with none of these has another fault. */
export const wordsByCode: Readonly<Record<string, string>> = {
  '42501': 'refused',
  P0002: 'missing',
  '42809': 'never',
  '55000': 'never',
};
