import type {
  FriendshipStatus,
  IncomeFrequency,
  IncomeType,
  MessageRole,
  PostVisibility,
  TripStatus,
} from './enums.ts';
import type { JsonObject } from './json.ts';
import type { Money } from './money.ts';

/** A row of `search_trips`. */
export type TripSearchResult = {
  trip_id: string;
  trip_name: string;
  description: string | null;
  user_email: string | null;
  status: TripStatus;
  created_at: Date;
  rank: number;
  user_id: string;
};

/** A row of `search_posts`. */
export type PostSearchResult = {
  post_id: string;
  user_id: string;
  title: string;
  content: string;
  visibility: PostVisibility;
  created_at: Date;
  rank: number;
};

/** A row of `income_occurrences` and `user_income_occurrences`: one day on which one entry pays. */
export type IncomeOccurrence = {
  income_id: string;
  date: string;
  amount: Money;
  currency: string;
  source: string;
  type: IncomeType;
  frequency: IncomeFrequency | null;
};

/** A row of `request_friend` and `accept_friend`: the caller's side of a friendship. */
export type Friendship = {
  user_id: string;
  friend_id: string;
  status: FriendshipStatus;
  created_at: Date;
  updated_at: Date;
};

/** A row of `list_blocked_users`. */
export type OwnBlock = { blocked_id: string; created_at: Date };

/** A row of `blocked_users`. */
export type BlockedUser = {
  blocked_id: string;
  created_at: Date;
  full_name: string | null;
  avatar_url: string | null;
};

/** A row of `mutual_friends`. */
export type MutualFriend = { friend_id: string; full_name: string | null; avatar_url: string | null };

/** A row of `list_own_likes`. */
export type OwnLike = { post_id: string; created_at: Date };

/** A row of `list_own_comments`. */
export type OwnComment = { id: string; post_id: string; content: string; created_at: Date; updated_at: Date };

/** A row of `comment_on_post`. */
export type PostComment = {
  id: string;
  post_id: string;
  user_id: string;
  post_user_id: string;
  post_visibility: PostVisibility;
  content: string;
  created_at: Date;
  updated_at: Date;
};

/** The document of `get_user_activity`; timestamps are ISO 8601 text there. */
export type UserActivity = {
  trips: { id: string; name: string; status: TripStatus; created_at: string }[];
  expenses: { id: string; amount: Money; currency: string; category: string; date: string }[];
  posts: { id: string; title: string; created_at: string }[];
};

/** An element of the computed column `messages(pam_conversations)`; timestamps are ISO 8601 text there. */
export type ConversationMessage = {
  id: string;
  role: MessageRole;
  content: string;
  metadata: JsonObject;
  created_at: string;
};
