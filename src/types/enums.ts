/** The values of the columns whose check constraint lists them. */
export const profileRoles = ['user', 'admin', 'moderator'] as const;
export const profileStatuses = ['active', 'inactive', 'suspended'] as const;
export const friendshipStatuses = ['requested', 'received', 'accepted'] as const;
export const tripStatuses = ['planning', 'active', 'completed', 'cancelled'] as const;
export const incomeTypes = ['one_time', 'recurring', 'business'] as const;
export const incomeFrequencies = ['daily', 'weekly', 'monthly', 'yearly'] as const;
export const budgetPeriods = ['trip', 'weekly', 'monthly', 'yearly'] as const;
export const placeKinds = ['campsite', 'water', 'dump_point', 'fuel', 'laundry', 'mechanic', 'shop', 'other'] as const;
export const postVisibilities = ['public', 'friends', 'private'] as const;
export const conversationStatuses = ['active', 'archived'] as const;
export const messageRoles = ['user', 'assistant', 'system', 'tool'] as const;

export type ProfileRole = (typeof profileRoles)[number];
export type ProfileStatus = (typeof profileStatuses)[number];
export type FriendshipStatus = (typeof friendshipStatuses)[number];
export type TripStatus = (typeof tripStatuses)[number];
export type IncomeType = (typeof incomeTypes)[number];
export type IncomeFrequency = (typeof incomeFrequencies)[number];
export type BudgetPeriod = (typeof budgetPeriods)[number];
export type PlaceKind = (typeof placeKinds)[number];
export type PostVisibility = (typeof postVisibilities)[number];
export type ConversationStatus = (typeof conversationStatuses)[number];
export type MessageRole = (typeof messageRoles)[number];
