import { ConfigurationError } from '../types/errors.ts';
import { NotInstalled } from './not_installed.ts';
import { testServerSettings } from './server_settings.ts';
import type { PostgresServer } from './start_postgres.ts';

/**
 * Starts a container of a Postgres image, or returns undefined if no Docker engine answers.
 *
 * @throws {NotInstalled} without the packages of testcontainers; `ConfigurationError`, one line, if the engine answers but
 *   the image cannot be started
 */
export async function startContainer(image: string): Promise<Omit<PostgresServer, 'version'> | undefined> {
  const libraries = Promise.all([import('testcontainers'), import('@testcontainers/postgresql')]);
  const [{ getContainerRuntimeClient, ImageName }, { PostgreSqlContainer }] = await libraries.catch(() => {
    throw new NotInstalled('No testcontainers', 'testcontainers @testcontainers/postgresql');
  });
  const docker = await getContainerRuntimeClient().catch(() => undefined);
  if (!docker) return undefined;
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
      stays: false,
      stop: async () => {
        await container.stop();
      },
    };
  } catch (error) {
    const reason = briefly(error instanceof Error ? error.message : String(error));
    if (!(await docker.image.exists(ImageName.fromString(image)).catch(() => false))) {
      throw new ConfigurationError(
        `Docker answers, but the image ${image} cannot be had (${reason}): pull it, or set TEST_POSTGRES_IMAGE.`,
      );
    }
    if (process.env.TESTCONTAINERS_RYUK_DISABLED === 'true') {
      throw new ConfigurationError(`Docker has the image ${image}, but cannot start it (${reason}).`);
    }
    // The error does not say whose image it is about.
    throw new ConfigurationError(
      `Docker has the image ${image}, but that or Ryuk, the helper of testcontainers, does not start (${reason}): TESTCONTAINERS_RYUK_DISABLED=true does without Ryuk.`,
    );
  }
}

/** Of a chain of errors, `error - get "https://…": dial tcp: lookup …: no such host`, the last that names no address. */
function briefly(reason: string): string {
  const links = (reason.split('\n')[0] ?? '').split(/: | - /);
  return links.findLast((link) => !/\/|"|\w\.\w/.test(link))?.trim() ?? 'no reason given';
}
