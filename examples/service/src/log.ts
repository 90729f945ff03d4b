/** One line of the log. Its values are the service's own words, numbers and names: nothing of a row, a claim or a path. */
export type LogLine = { readonly message: string; readonly [field: string]: string | number | boolean | undefined };

export type Log = (line: LogLine) => void;

/** Lines of JSON on standard output. */
export const logToStandardOutput: Log = (line) => {
  console.log(JSON.stringify({ time: new Date().toISOString(), ...line }));
};
