/**
 * What the data looks like: the tables, the rows and pages that methods give, what they take, and the lists of values of
 * which a column has one.
 *
 * @example
 * import type { Money, Trip } from '@wheelsandwins/db/types';
 * import type { DB } from '@wheelsandwins/db/types'; // new Kysely<DB>(…), Insertable<DB['trips']>
 */
export type { CsvField } from './csv/columns.ts';
export type { CsvSource } from './csv/source.ts';
export type { Account, AccountFilter } from './repositories/accounts.ts';
export { type BudgetPeriodUsage, type BudgetState, budgetStates } from './repositories/budget_usage.ts';
export type {
  Budget,
  BudgetFilter,
  BudgetInput,
  BudgetPatch,
  BudgetUsage,
  BudgetUsageRequest,
} from './repositories/budgets.ts';
export type { ExpectedIncome, MonthlyCashFlow } from './repositories/cash_flow.ts';
export type { Expense, ExpenseInput, ExpensePatch } from './repositories/expense_fields.ts';
export type { ExpenseFilter } from './repositories/expense_filter.ts';
export type { ImportReport } from './repositories/expense_import.ts';
export type {
  CategoryExpenses,
  ExpenseTotal,
  MonthExpenses,
  TagExpenses,
  TotalsFilter,
  TripExpenses,
} from './repositories/expense_totals.ts';
export type {
  Feedback,
  FeedbackFilter,
  FeedbackInput,
  FeedbackPeriod,
  FeedbackStatistics,
  FeedbackTotals,
} from './repositories/feedback.ts';
export type { Friend } from './repositories/friends.ts';
export type { ImportOptions, ImportProgress } from './repositories/import_options.ts';
export type {
  IncomeEntry,
  IncomeFilter,
  IncomeInput,
  IncomePatch,
  IncomePeriod,
} from './repositories/income_fields.ts';
export type { ModeratedCommentFilter, ModeratedPostFilter } from './repositories/moderation.ts';
export type { OwnPosts, OwnProfile } from './repositories/on_behalf.ts';
export type { OwnRow } from './repositories/own_data.ts';
export type { Conversation, ConversationFilter, ConversationInput } from './repositories/pam.ts';
export type { HistoryOrder, Message, MessageInput } from './repositories/pam_messages.ts';
export type { Place, PlaceFilter, PlaceInput, PlacePatch } from './repositories/places.ts';
export { type FeedPost, type FeedScope, feedScopes, type PostWithAuthor } from './repositories/post_feed.ts';
export type { CommentWithAuthor, Liker } from './repositories/post_reactions.ts';
export type { AuthorFilter, Circle } from './repositories/post_reader.ts';
export type { Post } from './repositories/post_row.ts';
export type { ExactLocation, PostFilter, PostInput, PostPatch } from './repositories/posts.ts';
export type { NearbyPost } from './repositories/posts_nearby.ts';
export type { FinancialSummary, Profile, ProfilePatch, PublicProfile } from './repositories/profiles.ts';
export type { TripCopy } from './repositories/trip_copy.ts';
export type { TripDay } from './repositories/trip_days.ts';
export type { TripDistance } from './repositories/trip_distance.ts';
export type { TripFilter, TripListRequest } from './repositories/trip_list.ts';
export type { Trip, TripInput, TripPatch } from './repositories/trip_row.ts';
export type { TripFinancialSummary, TripTotals } from './repositories/trips.ts';
export { currencies } from './types/currency.ts';
export type { DB } from './types/database.ts';
export * from './types/enums.ts';
export type * from './types/functions.ts';
export type { Destination, DestinationPatch, Itinerary, JsonObject, JsonValue, Location, Route } from './types/json.ts';
export type { Money } from './types/money.ts';
export type { Page, PageRequest } from './types/page.ts';
export type * from './types/summaries.ts';
export type { IfVersion } from './types/version.ts';
