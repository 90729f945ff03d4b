import { testServerSettings } from './server_settings.ts';
import type { PostgresServer } from './start_postgres.ts';

/**
 * Starts a container of a Postgres image, or returns undefined if no Docker engine answers (or `testcontainers` is not
 * installed).
 *
 * @throws {Error} one line if the engine answers but the image cannot be started
 */
export async function startContainer(image: string): Promise<Omit<PostgresServer, 'version'> | undefined> {
  const engine = await import('testcontainers')
    .then(({ getContainerRuntimeClient }) => getContainerRuntimeClient())
    .catch(() => undefined);
  if (!engine) return undefined;
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const flags = Object.entries(testServerSettings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  try {
    const container = await new PostgreSqlContainer(image)
      .withUsername('postgres')
      .withPassword('postgres')
      .withDatabase('postgres')
      .withCommand(['postgres', ...flags])
      .start();
    return {
      connectionString: container.getConnectionUri(),
      description: `Docker image ${image}`,
      stop: async () => {
        await container.stop();
      },
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new Error(
      `The Docker engine answers but the image ${image} does not start (${reason}): pull it, or set TEST_POSTGRES_IMAGE to one that the engine has.`,
    );
  }
}
