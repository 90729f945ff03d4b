import type { Contender } from './contenders/contender.ts';
import { pgScopedByHand } from './contenders/pg_scoped_by_hand.ts';
import { floor, pgUnprepared } from './contenders/pg_unscoped.ts';
import { wheels, wheelsCompiled, wheelsUnprepared } from './contenders/wheels.ts';

/** Everybody who is measured. The first is the floor, which the others are compared with. */
export const contenders: readonly [Contender, ...Contender[]] = [
  floor,
  wheels,
  wheelsCompiled,
  wheelsUnprepared,
  pgUnprepared,
  pgScopedByHand,
];
