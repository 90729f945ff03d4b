import type { Person } from '../../../src/access/access.ts';
import type { Ids } from '../../../src/access/world.ts';
import type {
  AnonRepositories,
  OnBehalfRepositories,
  ServiceRepositories,
  UserRepositories,
} from '../../../src/index.ts';

/** What a person has of repositories: `owner` where new rows are in the owner's name. */
export type Sessions = {
  readonly reader?: AnonRepositories | undefined;
  readonly user?: UserRepositories | undefined;
  readonly own?: Own | undefined;
  readonly owner?: Own | undefined;
  readonly moderation?: UserRepositories['moderation'] | undefined;
  readonly accounts?: ServiceRepositories['accounts'] | undefined;
};

/** What users and the service on their behalf have alike. */
type Own = Pick<UserRepositories, 'trips' | 'expenses' | 'income' | 'budgets' | 'places' | 'friends'> & {
  readonly posts: OnBehalfRepositories['posts'];
  readonly profiles: OnBehalfRepositories['profiles'];
  readonly pam: Pick<
    UserRepositories['pam'],
    'startConversation' | 'find' | 'archive' | 'delete' | 'appendMessage' | 'giveFeedback' | 'deleteFeedback'
  >;
};

type Call = (sessions: Sessions, ids: Ids) => Promise<unknown> | undefined;

const has = (items: readonly object[], key: string, id: string) =>
  items.some((item) => Object.entries(item).some(([name, value]) => name === key && value === id));

const deletes = [
  'profiles delete',
  'trips delete',
  'expenses delete',
  'income_entries delete',
  'budgets delete',
  'places delete',
  'posts delete private',
  'posts delete public friends',
  'pam_conversations delete',
  'pam_feedback delete',
];

/** Where a method says more than the statement does: why the row is still there. */
export const saysMore: Readonly<Record<string, Partial<Record<Person, string>>>> = Object.fromEntries(
  deletes.map((line) => [line, { suspended: 'refused' }]),
);

/** Methods that do what one line of access.ts says, by the line. Void counts as done. */
export const methods: Readonly<Record<string, Call>> = {
  'trips select': ({ own }, { trip }) => own?.trips.find(trip),
  'trips insert key content': ({ owner }) => owner?.trips.create({ name: 'x' }),
  'trips update content': ({ own }, { trip }) => own?.trips.update(trip, { name: 'x' }),
  'trips delete': ({ own }, { trip }) => own?.trips.delete(trip),
  'trip_financial_summary select': ({ own }, { trip }) => own?.trips.financialSummary(trip),
  'expenses select': ({ own }, { expense }) => own?.expenses.find(expense),
  'expenses insert key content': ({ owner }) => owner?.expenses.create({ amount: '1', category: 'fuel' }),
  'expenses update content': ({ own }, { expense }) => own?.expenses.update(expense, { amount: '2' }),
  'expenses delete': ({ own }, { expense }) => own?.expenses.delete(expense),
  'income_entries select': ({ own }, { income }) => own?.income.find(income),
  'income_entries insert key content': ({ owner }) => owner?.income.create({ amount: '1', source: 'work' }),
  'income_entries update content': ({ own }, { income }) => own?.income.update(income, { amount: '2' }),
  'income_entries delete': ({ own }, { income }) => own?.income.delete(income),
  'budgets select': ({ own }, { budget }) => own?.budgets.find(budget),
  'budgets insert key content': ({ owner }) => owner?.budgets.create({ amount: '1', period: 'weekly' }),
  'budgets update content': ({ own }, { budget }) => own?.budgets.update(budget, { amount: '2' }),
  'budgets delete': ({ own }, { budget }) => own?.budgets.delete(budget),
  'places select': ({ own }, { place }) => own?.places.find(place),
  'places insert key content': ({ owner }) =>
    owner?.places.create({ name: 'x', kind: 'water', location: { lat: 1, lng: 2 } }),
  'places update content': ({ own }, { place }) => own?.places.update(place, { rating: 1 }),
  'places delete': ({ own }, { place }) => own?.places.delete(place),

  'posts select public': ({ reader }, ids) => reader?.posts.find(ids.public),
  'posts select friends': ({ reader }, ids) => reader?.posts.find(ids.friends),
  'posts select private': ({ reader }, ids) => reader?.posts.find(ids.private),
  'posts insert key content': ({ owner }) => owner?.posts.create({ title: 'x', content: 'x' }),
  'posts update content': ({ own }, ids) => own?.posts.update(ids.private, { title: 'x' }),
  'posts delete public friends': ({ own, moderation }, ids) =>
    moderation ? moderation.removePost(ids.friends) : own?.posts.delete(ids.friends),
  'posts delete private': ({ own }, ids) => own?.posts.delete(ids.private),
  'post_locations select': ({ own }, ids) => own?.posts.exactLocation(ids.public),
  'post_locations insert key content': ({ owner }, ids) =>
    owner?.posts.setExactLocation(ids.friends, { lat: 1, lng: 2 }).then(() => true),
  'post_comments update content public friends private': ({ own }, ids) =>
    own?.posts.editComment(ids.public_comment, 'y'),
  'post_comments update content guest_public': ({ user }, ids) =>
    user?.posts.editComment(ids.guests_comment_public, 'y'),
  'public_profiles select author': ({ reader }, { owner }) => reader?.profiles.find(owner),
  'public_profiles select newcomer': ({ reader }, { newcomer }) => reader?.profiles.find(newcomer),
  'profiles select': ({ owner, accounts }, ids) => accounts?.find(ids.owner) ?? owner?.profiles.me(),
  'profiles update content': ({ owner }) => owner?.profiles.update({ full_name: 'x' }),
  'profiles update authority': ({ accounts }, { owner }) => accounts?.setStatus(owner, 'suspended'),
  'profiles delete': ({ owner }) => owner?.profiles.erase(),

  'pam_conversations select': ({ own }, { conversation }) => own?.pam.find(conversation),
  'pam_conversations insert key': ({ owner }) => owner?.pam.startConversation({ session_id: 'tablet' }),
  'pam_conversations update status': ({ own }, { conversation }) => own?.pam.archive(conversation),
  'pam_conversations delete': ({ own }, { conversation }) => own?.pam.delete(conversation),
  'pam_messages insert content': ({ owner }, { conversation }) =>
    owner?.pam.appendMessage(conversation, { role: 'user', content: 'x' }),
  'pam_feedback insert key content': ({ owner }, { unrated_message }) =>
    owner?.pam.giveFeedback({ message_id: unrated_message, rating: 5 }),
  'pam_feedback delete': ({ own }, { feedback }) => own?.pam.deleteFeedback(feedback),

  'functions accept_friend': ({ user }, { asker }) => user?.friends.accept(asker),
  'functions block_user': ({ user }, { other }) => user?.friends.block(other).then(() => true),
  'functions blocked_users': ({ user }, { blocked }) =>
    user?.friends.blocked().then(({ items }) => has(items, 'blocked_id', blocked)),
  'functions cancel_friend_request': ({ user }, { asked }) => user?.friends.cancel(asked),
  'functions decline_friend_request': ({ user }, { asker }) => user?.friends.decline(asker),
  'functions remove_friend': ({ user }, { other }) => user?.friends.remove(other),
  'functions request_friend': ({ user }, { other }) => user?.friends.request(other),
  'functions unblock_user': ({ user }, { blocked }) => user?.friends.unblock(blocked),
  'functions mutual_friends': ({ user }, { other }) =>
    user?.friends.mutual(other).then(({ items }) => items.length > 0),
  'functions comment_on_post public': ({ user }, ids) => user?.posts.comment(ids.public, 'x'),
  'functions comment_on_post friends': ({ user }, ids) => user?.posts.comment(ids.friends, 'x'),
  'functions comment_on_post private': ({ user }, ids) => user?.posts.comment(ids.private, 'x'),
  'functions like_post public': ({ user }, ids) => user?.posts.like(ids.public),
  'functions like_post friends': ({ user }, ids) => user?.posts.like(ids.friends),
  'functions like_post private': ({ user }, ids) => user?.posts.like(ids.private),
  'functions unlike_post': ({ user }, ids) => user?.posts.unlike(ids.public),
  'functions delete_comment public': ({ moderation }, ids) => moderation?.removeComment(ids.public_comment),
  'functions delete_comment private': ({ moderation }, ids) => moderation?.removeComment(ids.private_comment),
  'functions delete_comment guest_public': ({ user }, ids) => user?.posts.deleteComment(ids.guests_comment_public),
  'functions search_messages': ({ user }, { message }) =>
    user?.pam.search('kwelobarra').then(({ items }) => has(items, 'id', message)),
  'functions search_trips': ({ own }, { trip }) =>
    own?.trips.search('kwelobarra').then((rows) => has(rows, 'trip_id', trip)),
  'functions search_posts public': ({ reader }, ids) =>
    reader?.posts.search('kwelobarra').then((rows) => has(rows, 'post_id', ids.public)),
  'functions search_posts friends': ({ reader }, ids) =>
    reader?.posts.search('kwelobarra').then((rows) => has(rows, 'post_id', ids.friends)),
  'functions search_posts private': ({ reader }, ids) =>
    reader?.posts.search('kwelobarra').then((rows) => has(rows, 'post_id', ids.private)),
  'functions tagged_posts public': ({ reader }, ids) =>
    reader?.posts.byTag('kwelodunes').then(({ items }) => has(items, 'id', ids.public)),
  'functions tagged_posts friends': ({ reader }, ids) =>
    reader?.posts.byTag('kwelodunes').then(({ items }) => has(items, 'id', ids.friends)),
  'functions friends_posts public': ({ user }, ids) =>
    user?.posts.feed({ scope: 'friends' }).then(({ items }) => has(items, 'id', ids.public)),
  'functions friends_posts friends': ({ user }, ids) =>
    user?.posts.feed({ scope: 'friends' }).then(({ items }) => has(items, 'id', ids.friends)),
  'functions posts_near public': ({ reader }, ids) =>
    reader?.posts.near({ lat: -48.88, lng: -123.39, radius_km: 5 }).then(({ items }) => has(items, 'id', ids.public)),
  'functions posts_near friends': ({ reader }, ids) =>
    reader?.posts.near({ lat: -48.88, lng: -123.39, radius_km: 5 }).then(({ items }) => has(items, 'id', ids.friends)),
};
