import { build } from 'esbuild';

/** What drivers of other databases the libraries look for at run time, and do without. */
const optional = [
  ...[
    'better-sqlite3',
    'sqlite3',
    'sql.js',
    'mysql',
    'mysql2',
    'mariadb/callback',
    'oracledb',
    'tedious',
    'mssql',
    'mongodb',
    'redis',
    'ioredis',
  ],
  ...['pg-native', 'pg-query-stream', 'pg-cloudflare', 'react-native-sqlite-storage', 'typeorm-aurora-data-api-driver'],
  ...[
    '@google-cloud/spanner',
    '@sap/hana-client',
    'hdb-pool',
    'expo-sqlite',
    'mysql2/promise',
    'oracledb',
    'cloudflare:sockets',
  ],
];

/**
 * One minified file for Node, as for a serverless function.
 *
 * @returns its size in bytes.
 */
export async function bundle(entry: string, outfile: string): Promise<number> {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    minify: true,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    external: optional,
    logLevel: 'error',
    // What is CommonJS asks for Node's modules by a function that a module of this kind does not have.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0);
}
