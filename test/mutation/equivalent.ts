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
    id: /^constraint (pam_messages pam_messages|pam_feedback pam_feedback|post_locations post_locations)_user_id_fkey: dropped$/,
    why: 'The foreign key to the conversation, message or post of the same user leads to the profile, too.',
  },
  {
    id: /^constraint profiles profiles_(id|user_id)_fkey: (dropped|on delete no action)$/,
    why: 'profiles_id_check makes user_id the id, and the other of the two refers to the same account.',
  },
  {
    id: /^constraint (posts\.search|trips\.search|public_profiles\.published): not null dropped$/,
    why: 'It is generated from columns that are never null.',
  },
  {
    id: /^function private\.(?!is_moderator)(add_amounts|is_\w+|message_\w+|normalize_tags|occurrences|refuse_truncate|search_query|set_updated_at\w*|start_public_profile|trimmed|two_decimals)\(.*: security definer$/,
    why: 'It computes from its arguments, or the new row, alone: no right is asked for.',
  },
  {
    id: /^function (?!private\.(?!add_amounts|is_(?!calendar_date|moderator|timezone|window)|normalize_tags|occurrences|search_query|trimmed|two_decimals)).*: search_path removed$/,
    why: 'It runs with the rights of its caller, and its names were resolved when it was made.',
  },
  {
    id: /^grant function private\..*: execute granted to (anon|authenticated)$/,
    why: 'Nobody may use the schema private, so that nobody can name the function: the privilege stands behind that.',
  },
];
