import type { Works } from '../work.ts';

/** One way to do the works. */
export type Contender = {
  readonly name: string;
  /** Whether row level security decides what it reads and writes; else it acts as the owner of the tables. */
  readonly isScoped: boolean;
  /** The first work connects. */
  open(target: Target): Opened;
};

export type Target = {
  readonly connectionString: string;
  /** How many connections it may have at most. */
  readonly connections: number;
};

export type Opened = {
  /** The works of a signed-in user. */
  as(userId: string): Works;
  close(): Promise<void>;
};
