/** Mutants that change nothing anybody can do or see, and why. */
export const equivalents: readonly { readonly id: RegExp; readonly why: string }[] = [
  {
    id: /^row level security (private\.blocks|kysely_migration|kysely_migration_lock): disabled$/,
    why: 'No API role has a privilege on the table: row level security stands behind that.',
  },
  {
    id: /^policy .* "(Users can (append|create|delete|remove|update|view)( own .*| comments| likes)|.*moderators.*)": to public$/,
    why: 'A visitor has no privilege for it, and auth.uid() gives null to a visitor; the service role bypasses policies.',
  },
  {
    id: /^trigger posts refuse_truncate: dropped$/,
    why: 'TRUNCATE of posts reaches post_likes and post_comments, which refuse it with the same error.',
  },
  {
    id: /^constraint (posts\.search|trips\.search|public_profiles\.published): not null dropped$/,
    why: 'It is generated from columns that are never null.',
  },
  {
    id: /^function private\.(?!is_moderator)(add_amounts|is_\w+|message_\w+|normalize_tags|occurrences|periods|refuse_truncate|search_query|set_updated_at\w*|start_public_profile|trimmed|two_decimals)\(.*: security definer$/,
    why: 'It computes from its arguments, or the new row, alone: no right is asked for.',
  },
  {
    id: /^function (?!private\.(?!add_amounts|audiences|is_(?!calendar_date|moderator|timezone|window)|normalize_tags|occurrences|search_query|trimmed|two_decimals)).*: search_path removed$/,
    why: 'It runs with the rights of its caller, and its names were resolved when it was made.',
  },
  {
    id: /^grant (function|table) private\..*: \w+ granted to (anon|authenticated)$/,
    why: 'Nobody may use the schema private, so that nobody can name what is in it: the privilege stands behind that.',
  },
  {
    id: /^grant table (trip|user)_financial_summary: (insert|update|delete) granted to /,
    why: 'Postgres refuses to write to a view that sums up, whoever asks.',
  },
  {
    id: /^default (posts\.(comments|likes)_count|public_profiles\.public_posts_count|trips\.(budget_spent|expense_count|spent_by_currency)): default dropped$/,
    why: 'A trigger sets it to nothing in every new row, whatever was sent.',
  },
  {
    id: /^default post_comments\.id: default dropped$/,
    why: 'Only private.comment_on_post inserts, which is given the id.',
  },
  {
    id: /^function private\.count_post_(comments|likes)_on_insert\(\): security invoker$/,
    why: 'Only private.comment_on_post and private.like_post insert, which run as the owner. Users delete by themselves.',
  },
  {
    id: /^function private\.(audiences\(\): security definer|(can_write|friend_ids|is_moderator)\(\): security invoker)$/,
    why: "It reads the caller's own rows alone, which the caller may read.",
  },
  {
    id: /^function private\.(lock_pair|lock_people|lock_visible_post|make_profile)\(.*: security definer$/,
    why: 'Only functions that run as the owner call it.',
  },
  {
    id: /^grant function (accept_friend|block_user|blocked_users|comment_on_post|delete_comment|like_post|list_blocked_users|list_own_comments|list_own_likes|mutual_friends|remove_friend|request_friend|unblock_user|unlike_post)\(.*: execute granted to anon$/,
    why: 'It calls the function of the same name in private, which a visitor may not: the privilege stands behind that.',
  },
];
