/**
 * A migrated Postgres for a service's own tests: [docs/testing.md](../../docs/testing.md).
 *
 * @example
 * const file = await createTestDatabase();
 * after(() => file.drop());
 * const alice = await file.signUp();
 * const trip = await alice.trips.create({ name: 'Big Lap' });
 */
// As node:test and as vitest look for them in the module that they are given.
export { globalSetup, globalSetup as setup, globalTeardown, globalTeardown as teardown } from './global_setup.ts';
export {
  createTestDatabase,
  type SignUp,
  type TestDatabase,
  type TestDatabaseOptions,
  type TestUser,
} from './test_database.ts';
