export type { Change, RowKey, SeenChange } from './changes/change.ts';
export { ChangeFeed } from './changes/change_feed.ts';
export type { ChangesOptions, SessionChangesOptions } from './changes/feeds.ts';
export type { PublishedRow, PublishedTable } from './changes/published.ts';
export {
  type AnonRepositories,
  type Bound,
  type Connections,
  createDatabase,
  type Database,
  type DatabaseOptions,
  type OnBehalfRepositories,
  type ReplicaState,
  type ServiceRepositories,
  type ServiceSession,
  type Session,
  type TransactionSession,
  type UserRepositories,
} from './database.ts';
export { AccountRepository } from './repositories/accounts.ts';
export { BudgetRepository } from './repositories/budgets.ts';
export { ExpenseReader } from './repositories/expense_reader.ts';
export { ExpenseRepository } from './repositories/expenses.ts';
export { FeedbackReader, FeedbackRepository } from './repositories/feedback.ts';
export { FriendRepository } from './repositories/friends.ts';
export { IncomeRepository } from './repositories/income.ts';
export { ModerationRepository } from './repositories/moderation.ts';
export { PamRepository, ServicePamRepository } from './repositories/pam.ts';
export { PlaceRepository } from './repositories/places.ts';
export { PostReactionRepository } from './repositories/post_reactions.ts';
export { PostReader } from './repositories/post_reader.ts';
export { PostRepository } from './repositories/posts.ts';
export { ProfileRepository, PublicProfileRepository } from './repositories/profiles.ts';
export { TripRepository } from './repositories/trips.ts';
export type { Pruned, PruneOptions } from './retention/batches.ts';
export { type ConversationPruning, pruneConversations } from './retention/prune_conversations.ts';
export { pruneFeedback } from './retention/prune_feedback.ts';
export type { Claims } from './session/claims.ts';
export type { SessionOptions } from './session/scoped_pool.ts';
export type { TransactionOptions } from './session/transaction.ts';
export type { TelemetryOptions } from './telemetry/options.ts';
export type { QueryEvent } from './telemetry/query_event.ts';
export * from './types/errors.ts';
