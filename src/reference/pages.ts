/** A page of the reference: `sources` are the beginnings of the files, in `src`, whose exports it has, or `names` says. */
export type ReferencePage = { name: string; title: string; lead: string; sources: readonly string[]; names?: RegExp };

const amountsAndDays =
  "Amounts are decimal text (`'42.50'`), a day is `'YYYY-MM-DD'`, times are `Date`. What every method may throw besides what it " +
  'names: `ValidationError` for input that is not of its form, `TimeoutError`, `CancelledError`, `ConnectionError`, `SerializationError`; and `PermissionError` for whoever may not: ' +
  '[Errors](errors.md).';

const ofUsers = (name: string) =>
  `\`database.asUser(claims).${name}\`, and with the same methods \`database.asService().onBehalfOf(userId).${name}\`.`;

export const referencePages: readonly ReferencePage[] = [
  {
    name: 'database',
    title: 'Database and sessions',
    lead: 'Where all begins, and what each kind of session has. [Sessions, transactions and faults](../sessions.md) tells how they behave.',
    sources: ['database', 'session/', 'telemetry/'],
  },
  {
    name: 'trips',
    title: 'Trips',
    lead: `${ofUsers('trips')} ${amountsAndDays}`,
    sources: ['repositories/trip'],
  },
  {
    name: 'expenses',
    title: 'Expenses',
    lead: `${ofUsers('expenses')} ${amountsAndDays}`,
    sources: ['repositories/expense', 'repositories/import_options', 'csv/'],
  },
  {
    name: 'income',
    title: 'Income',
    lead: `${ofUsers('income')} ${amountsAndDays}`,
    sources: ['repositories/income', 'repositories/cash_flow'],
  },
  {
    name: 'budgets',
    title: 'Budgets',
    lead: `${ofUsers('budgets')} ${amountsAndDays}`,
    sources: ['repositories/budget'],
  },
  {
    name: 'places',
    title: 'Places',
    lead: `${ofUsers('places')} ${amountsAndDays}`,
    sources: ['repositories/places'],
  },
  {
    name: 'posts',
    title: 'Posts',
    lead:
      '`database.asUser(claims).posts` is a `PostRepository`, `database.asAnon().posts` a `PostReader`; ' +
      '`database.asService().onBehalfOf(userId).posts` has what concerns the user’s own posts, and reactions: `OwnPosts`. ' +
      amountsAndDays,
    sources: ['repositories/post'],
    names: /^OwnPosts$/,
  },
  {
    name: 'friends',
    title: 'Friends',
    lead: `${ofUsers('friends')} ${amountsAndDays}`,
    sources: ['repositories/friends'],
  },
  {
    name: 'pam',
    title: 'PAM',
    lead:
      '`database.asUser(claims).pam` is a `PamRepository`, which appends the user’s own messages; ' +
      '`database.asService().onBehalfOf(userId).pam` a `ServicePamRepository`, for those of the assistant too; ' +
      `\`database.asService().feedback\` a \`FeedbackReader\` of everybody’s. ${amountsAndDays}`,
    sources: ['repositories/pam', 'repositories/feedback'],
  },
  {
    name: 'profiles',
    title: 'Profiles',
    lead:
      '`database.asUser(claims).profiles` is a `ProfileRepository`, `database.asAnon().profiles` a `PublicProfileRepository`; ' +
      '`database.asService().onBehalfOf(userId).profiles` has what concerns the user: `OwnProfile`. ' +
      amountsAndDays,
    sources: ['repositories/profiles', 'repositories/own_data', 'repositories/on_behalf'],
  },
  {
    name: 'accounts',
    title: 'Accounts',
    lead: `\`database.asService().accounts\`. ${amountsAndDays}`,
    sources: ['repositories/accounts'],
  },
  {
    name: 'moderation',
    title: 'Moderation',
    lead: `\`database.asService().moderation\`, and of moderators \`database.asUser(claims).moderation\`. ${amountsAndDays}`,
    sources: ['repositories/moderation'],
  },
  {
    name: 'retention',
    title: 'Retention',
    lead: 'What `wheels-db prune` does, for a service that does it by itself. [Operations](../operations.md#retention) tells how.',
    sources: ['retention/'],
  },
  {
    name: 'changes',
    title: 'Changes',
    lead: 'What `database.changes()` and `session.changes()` give. [Following changes](../changes.md) tells how to consume them.',
    sources: ['changes/'],
  },
  {
    name: 'schemas',
    title: 'Schemas',
    lead:
      'What repositories take, as [zod](https://zod.dev) 4 has it, with every limit; from `@wheelsandwins/db/schemas`. ' +
      '[Validating earlier](../repositories.md#validating-earlier) tells what they are for.',
    sources: [],
    names: /Schema$|^validate$/,
  },
  {
    name: 'migrations',
    title: 'Migrations',
    lead: 'The way to the schema, from `@wheelsandwins/db/migrations`. [Migrations](../migrations.md) tells how to deploy them.',
    sources: ['migrations/'],
  },
  {
    name: 'testing',
    title: 'Testing',
    lead: 'A migrated Postgres for a service’s own tests, from `@wheelsandwins/db/testing`.',
    sources: ['testing/'],
  },
  {
    name: 'errors',
    title: 'Errors',
    lead: 'Every error that the package throws is a `DatabaseError`, of one of these classes.',
    sources: ['types/errors'],
  },
  {
    name: 'types',
    title: 'Types and values',
    lead: 'What several repositories share, from `@wheelsandwins/db/types`.',
    sources: ['types/'],
  },
];

/** The page that has an export of a file, such as `repositories/trips.ts`. */
export function pageOf({ name, file }: { name: string; file: string }): ReferencePage {
  const page =
    referencePages.find(({ names }) => names?.test(name)) ??
    referencePages.find(({ sources }) => sources.some((source) => file.startsWith(source)));
  if (!page) throw new Error(`src/${file} belongs to no page of the reference: add it in src/reference/pages.ts.`);
  return page;
}
