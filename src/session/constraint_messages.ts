const amount = 'An amount is above zero, below 100,000,000, with at most two decimals.';
const category = 'A category is text of 1 to 100 characters, in lower case, without spaces around it.';
const day = 'A date lies between 1900-01-01 and 2999-12-31.';
const description = 'A description is text of 1 to 2000 characters.';
const jsonObject = 'This field takes a JSON object of at most 16 kB.';
const location = 'A location is { "lat", "lng", "name"?, "exact"? }, in degrees.';
const rating = 'A rating goes from 1 to 5.';
const tags = 'Tags are at most 20 different texts of 1 to 50 characters, in lower case.';
const trip = 'This user has no such trip.';

/**
 * What a violated constraint means for people: one sentence that says what to do. Constraints without an entry are named.
 * A PL/pgSQL function gives such a name with `raise … using constraint = '…'`.
 */
export const constraintMessages: Readonly<Record<string, string>> = {
  currency_code_check: 'A currency is an ISO 4217 code such as "NZD".',

  profiles_email_key: 'Another account has this email address.',
  profiles_email_check: 'An email address is stored in lower case.',
  profiles_full_name_check: 'A name is text of 1 to 200 characters.',
  profiles_avatar_url_check: 'A picture is an https address of at most 2048 characters.',
  profiles_role_check: 'A role is user, moderator or admin.',
  profiles_status_check: 'A status is active, inactive or suspended.',
  profiles_region_check: 'A region is text of 1 to 100 characters.',
  profiles_timezone_check: 'A time zone is an IANA name such as "Pacific/Auckland".',
  profiles_preferences_check: jsonObject,

  trips_name_check: 'A trip needs a name of 1 to 200 characters.',
  trips_description_check: 'The description of a trip is text of 1 to 10,000 characters.',
  trips_start_date_check: day,
  trips_end_date_check: day,
  trips_dates_check: 'A trip that ends needs a start date, and must not end before it.',
  trips_status_check: 'The status of a trip is planning, active, completed or cancelled.',
  trips_budget_total_check: 'A budget is zero or more, below 100,000,000, with at most two decimals.',
  trips_destinations_check:
    'An itinerary is a list of at most 200 stops, each with a name and, if any, valid coordinates and dates.',
  trips_route_data_check: 'A route is an object of Mapbox Directions with distance and duration, of at most 1 MB.',
  trips_metadata_check: jsonObject,

  expenses_amount_check: amount,
  expenses_category_check: category,
  expenses_description_check: description,
  expenses_date_check: day,
  expenses_location_check: 'The place of an expense is text of 1 to 500 characters.',
  expenses_receipt_url_check: 'A receipt is an https address of at most 2048 characters.',
  expenses_tags_check: tags,
  expenses_metadata_check: jsonObject,
  expenses_trip_id_fkey: trip,

  income_entries_amount_check: amount,
  income_entries_source_check: 'An income needs a source of 1 to 200 characters.',
  income_entries_description_check: description,
  income_entries_date_check: day,
  income_entries_type_check: 'The type of an income is one_time, recurring or business.',
  income_entries_frequency_check: 'A frequency is daily, weekly, monthly or yearly.',
  income_entries_recurrence_check: 'A recurring income needs a frequency, and no other income has one.',
  income_entries_ends_on_check: 'Only a recurring income ends, and not before it begins.',
  income_entries_metadata_check: jsonObject,

  budgets_category_check: category,
  budgets_amount_check: amount,
  budgets_period_check: 'The period of a budget is trip, weekly, monthly or yearly.',
  budgets_trip_id_check: 'A budget for a trip needs the trip.',
  budgets_starts_on_check: day,
  budgets_trip_id_fkey: trip,

  places_name_check: 'A place needs a name of 1 to 200 characters.',
  places_kind_check: 'The kind of a place is campsite, water, dump_point, fuel, laundry, mechanic, shop or other.',
  places_location_check: location,
  places_rating_check: rating,
  places_notes_check: 'The notes on a place are text of 1 to 2000 characters.',
  places_tags_check: tags,
  places_trip_id_fkey: trip,

  posts_title_check: 'A post needs a title of 1 to 200 characters.',
  posts_content_check: 'A post needs a content of 1 to 20,000 characters.',
  posts_images_check: 'Images are at most 20 https addresses.',
  posts_location_check: location,
  posts_tags_check: tags,
  posts_visibility_check: 'The visibility of a post is public, friends or private.',
  posts_metadata_check: jsonObject,
  posts_trip_id_fkey: trip,
  post_locations_location_check: location,
  post_locations_post_id_fkey: 'This user has no such post.',
  post_comments_pkey: 'Another comment has this id: make another.',
  post_comments_content_check: 'A comment is text of 1 to 2000 characters.',

  pam_conversations_session_id_check: 'A session is named by text of 1 to 200 characters.',
  pam_conversations_context_check: jsonObject,
  pam_messages_role_check: 'The role of a message is user, assistant, system or tool.',
  pam_messages_content_check: 'A message is text of 1 to 100,000 characters.',
  pam_messages_metadata_check: jsonObject,
  pam_messages_conversation_id_fkey: 'This user has no such conversation.',
  pam_feedback_rating_check: rating,
  pam_feedback_feedback_text_check: 'The text of a feedback has 1 to 5000 characters.',
  pam_feedback_feedback_type_check: 'The type of a feedback is a word in lower case.',
  pam_feedback_empty_check: 'A feedback needs a rating, a thumb or a text.',
  pam_feedback_contradiction_check: 'A thumb up does not go with a rating of 1 or 2, nor a thumb down with 4 or 5.',
  pam_feedback_metadata_check: jsonObject,
  pam_feedback_message_id_fkey: "There is no such message in this user's conversations.",
};
