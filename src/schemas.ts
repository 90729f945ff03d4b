/**
 * The zod schemas of what repositories take, for a service's own forms and endpoints. What a schema gives, the repository
 * takes as it is: amounts are decimal text, tags small letters. A repository validates all the same, with `validate`, which
 * throws the same `ValidationError` here: `issues` with path and reason, and nothing of what was given.
 *
 * What depends on two fields (a trip's end after its start, the frequency of recurring income) the database decides: it is a
 * `CheckError`, whose `constraint` names the rule.
 *
 * @example
 * const trip = await alice.trips.create(validate(tripInputSchema, await request.json()));
 */
export { budgetFilterSchema, budgetInputSchema, budgetPatchSchema } from './repositories/budgets.ts';
export { expenseInputSchema, expensePatchSchema } from './repositories/expense_fields.ts';
export { expenseFilterSchema, totalsFilterSchema } from './repositories/expense_filter.ts';
export { feedbackFilterSchema, feedbackInputSchema } from './repositories/feedback.ts';
export { friendFilterSchema } from './repositories/friends.ts';
export { incomeFilterSchema, incomeInputSchema, incomePatchSchema } from './repositories/income_fields.ts';
export { conversationFilterSchema, conversationInputSchema } from './repositories/pam.ts';
export { messageInputSchema, userMessageInputSchema } from './repositories/pam_messages.ts';
export { placeFilterSchema, placeInputSchema, placePatchSchema } from './repositories/places.ts';
export { commentSchema } from './repositories/post_reactions.ts';
export { postFilterSchema, postInputSchema, postPatchSchema } from './repositories/posts.ts';
export { profilePatchSchema } from './repositories/profiles.ts';
export { tripCopySchema } from './repositories/trip_copy.ts';
export { tripFilterSchema } from './repositories/trip_list.ts';
export { tripInputSchema, tripPatchSchema } from './repositories/trip_row.ts';
export { dateSchema, timezoneSchema } from './types/calendar.ts';
export { currencySchema } from './types/currency.ts';
export {
  destinationPatchSchema,
  destinationSchema,
  itinerarySchema,
  locationSchema,
  routeSchema,
} from './types/json.ts';
export { amountSchema } from './types/money.ts';
export { uuidSchema } from './types/uuid.ts';
export { validate } from './types/validate.ts';
