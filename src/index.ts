export {
  type AnonRepositories,
  type Bound,
  type Connections,
  createDatabase,
  type Database,
  type DatabaseOptions,
  type OnBehalfRepositories,
  type ServiceRepositories,
  type ServiceSession,
  type Session,
  type TransactionSession,
  type UserRepositories,
} from './database.ts';
export * from './repositories/accounts.ts';
export * from './repositories/budgets.ts';
export * from './repositories/expenses.ts';
export * from './repositories/feedback.ts';
export * from './repositories/friends.ts';
export * from './repositories/income.ts';
export {
  type ModeratedCommentFilter,
  type ModeratedPostFilter,
  ModerationRepository,
} from './repositories/moderation.ts';
export * from './repositories/pam.ts';
export {
  type FeedPost,
  type FeedScope,
  feedScopes,
  type PageRequest,
  type PostWithAuthor,
} from './repositories/post_feed.ts';
export { type CommentWithAuthor, type Liker, PostReactionRepository } from './repositories/post_reactions.ts';
export { type AuthorFilter, type Circle, PostReader } from './repositories/post_reader.ts';
export type { Post } from './repositories/post_row.ts';
export * from './repositories/posts.ts';
export type { NearbyPost } from './repositories/posts_nearby.ts';
export * from './repositories/profiles.ts';
export * from './repositories/trips.ts';
export * from './schemas.ts';
export type { Claims } from './session/claims.ts';
export type { SessionOptions } from './session/scoped_pool.ts';
export type { TransactionOptions } from './session/transaction.ts';
export type { TelemetryOptions } from './telemetry/options.ts';
export type { QueryEvent } from './telemetry/query_event.ts';
export { currencies } from './types/currency.ts';
export type { DB } from './types/database.ts';
export * from './types/enums.ts';
export * from './types/errors.ts';
export type * from './types/functions.ts';
export type { Destination, DestinationPatch, Itinerary, JsonObject, JsonValue, Location, Route } from './types/json.ts';
export type { Money } from './types/money.ts';
export type { Page } from './types/page.ts';
export type * from './types/summaries.ts';
