import type { Traveller } from '../fixture.ts';
import type { Works } from '../work.ts';

/** One way to do the works. */
export type Contender = {
  readonly name: string;
  /** Opens one connection at most; the first work connects. */
  open(target: Target): Opened;
};

export type Target = {
  readonly connectionString: string;
  /** Whose rows the works read. */
  readonly reader: Traveller;
  /** The user whose expenses the works make. */
  readonly writer: string;
};

export type Opened = { readonly works: Works; close(): Promise<void> };
