/**
 * Runs `work` under a savepoint of the transaction that `run` sends statements to: if it throws, what it did is undone, and
 * the transaction can go on.
 *
 * @throws whatever `work` throws.
 */
export async function underSavepoint<T>(
  name: string,
  run: (sql: string) => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    await run(`savepoint ${name}`);
    const result = await work();
    await run(`release savepoint ${name}`);
    return result;
  } catch (error) {
    // On a lost connection neither is possible, nor needed.
    await run(`rollback to savepoint ${name}`)
      .then(() => run(`release savepoint ${name}`))
      .catch(() => {});
    throw error;
  }
}
