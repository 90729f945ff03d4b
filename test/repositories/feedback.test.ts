import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CursorError, FeedbackReader, PermissionError, ValidationError } from '../../src/index.ts';
import type { Feedback, FeedbackFilter, FeedbackPeriod, Page } from '../../src/types.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();
const everybody = () => sessions.database.asService().feedback;

type Given = { rating?: number; thumbs_up?: boolean; feedback_text?: string; feedback_type?: string; at?: string };

/** Somebody who says these things of as many messages, at these times. */
async function giving(given: readonly Given[], person?: Person): Promise<{ person: Person; feedback: Feedback[] }> {
  const giver = person ?? (await sessions.signUp());
  const { id } = await giver.pam.startConversation({ session_id: randomUUID() });
  const messages = await giver.pam.appendMessages(
    id,
    given.map(() => ({ role: 'user', content: 'x' })),
  );
  const feedback: Feedback[] = [];
  for (const [i, { at, ...rest }] of given.entries()) {
    const row = await giver.pam.giveFeedback({ message_id: messages[i]?.id ?? '', ...rest });
    if (at) await sessions.admin.query('update pam_feedback set created_at = $2 where id = $1', [row.id, at]);
    feedback.push(at ? { ...row, created_at: new Date(at) } : row);
  }
  return { person: giver, feedback };
}

describe('a list of feedback', () => {
  test('gives each once, newest first, page by page, also while more is given and taken back', async () => {
    const { person, feedback } = await giving(Array.from({ length: 11 }, () => ({ rating: 3 })));
    await sessions.admin.query(
      `update pam_feedback f set created_at = '2026-01-01'::timestamptz + interval '1 microsecond' * (place / 2)
        from (select id, row_number() over (order by id)::int as place from pam_feedback) as placed where placed.id = f.id`,
    );
    const { rows } = await sessions.admin.query(
      'select id from pam_feedback where user_id = $1 order by created_at desc, id desc',
      [person.id],
    );
    expect(rows).toHaveLength(feedback.length);
    const seen: { id: string }[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Feedback> = await person.pam.listFeedback({ limit: 4, cursor });
      seen.push(...page.items.map(({ id }) => ({ id })));
      cursor = page.next_cursor;
      await giving([{ rating: 1 }], person);
      expect(await person.pam.deleteFeedback(seen.at(-1)?.id ?? '')).toBe(true);
    } while (cursor);
    expect(seen).toEqual(rows);
  });

  test('is of some messages, of a type, a rating, a thumb or a time', async () => {
    const { person, feedback } = await giving([
      { rating: 1, at: '2026-01-01T00:00:00Z' },
      { rating: 5, feedback_type: 'accuracy', at: '2026-01-02T12:00:00Z' },
      { thumbs_up: true, at: '2026-01-03T23:59:59.999Z' },
      { thumbs_up: false, rating: 1, at: '2026-01-04T00:00:00Z' },
    ]);
    const listed = async (filter: FeedbackFilter) =>
      (await person.pam.listFeedback(filter)).items.map(({ id }) => feedback.findIndex((row) => row.id === id));
    expect(await listed({})).toEqual([3, 2, 1, 0]);
    expect(await listed({ feedback_type: 'accuracy' })).toEqual([1]);
    expect(await listed({ rating: 1 })).toEqual([3, 0]);
    expect(await listed({ thumbs_up: true })).toEqual([2]);
    expect(await listed({ thumbs_up: false, rating: 1, feedback_type: 'general' })).toEqual([3]);
    expect(await listed({ since: '2026-01-02', until: '2026-01-03' })).toEqual([2, 1]);
    expect(await listed({ since: '2026-01-04' })).toEqual([3]);
    expect(await listed({ until: '2026-01-01' })).toEqual([0]);
    const message_ids = [feedback[2], feedback[0]].map((row) => row?.message_id ?? '');
    expect(await listed({ message_ids })).toEqual([2, 0]);
    expect(await listed({ message_ids: [] })).toEqual([]);
    expect(await listed({ message_ids: [randomUUID()], thumbs_up: undefined })).toEqual([]);
    // Twelve o'clock of the second is the third in Auckland.
    await person.profiles.update({ timezone: 'Pacific/Auckland' });
    expect(await listed({ since: '2026-01-03', until: '2026-01-03' })).toEqual([1]);
  });

  test('is the user’s own, and the service’s of everybody', async () => {
    const { person: alice, feedback } = await giving([{ rating: 2, feedback_type: 'tone' }]);
    const { person: bob, feedback: others } = await giving([{ rating: 4, feedback_type: 'tone' }]);
    expect((await alice.pam.listFeedback()).items).toEqual(feedback);
    expect((await bob.pam.listFeedback({ message_ids: feedback.map((row) => row.message_id) })).items).toEqual([]);
    expect((await sessions.database.asService().onBehalfOf(bob.id).pam.listFeedback()).items).toEqual(others);
    expect((await everybody().list({ feedback_type: 'tone' })).items).toEqual([...others, ...feedback]);
    const first = await everybody().list({ feedback_type: 'tone', limit: 1 });
    const second = await everybody().list({ feedback_type: 'tone', cursor: first.next_cursor });
    expect([...first.items, ...second.items]).toEqual([...others, ...feedback]);
    expect((await new FeedbackReader(alice.kysely).list()).items).toEqual(feedback);
    await expect(new FeedbackReader(sessions.database.asAnon().kysely).list()).rejects.toThrow(PermissionError);
  });

  test('refuses what is no filter, and cursors of another list', async () => {
    const { person } = await giving([{ rating: 1 }, { rating: 2 }]);
    const foreign = (await everybody().list({ limit: 1 })).next_cursor;
    const own = (await person.pam.listFeedback({ limit: 1 })).next_cursor;
    for (const cursor of ['x', foreign]) await expect(person.pam.listFeedback({ cursor })).rejects.toThrow(CursorError);
    await expect(everybody().list({ cursor: own })).rejects.toThrow(CursorError);
    const wrong = [
      { rating: 6 },
      { rating: '5' },
      { thumbs_up: 'yes' },
      { thumbs_up: null },
      { feedback_type: 'Two words' },
      { since: '2026-02-30' },
      { until: new Date() },
      { message_ids: ['42'] },
      { message_ids: Array.from({ length: 101 }, () => randomUUID()) },
      { limit: 101 },
      { user_id: randomUUID() },
    ];
    for (const request of wrong as object[]) {
      await expect(person.pam.listFeedback(request)).rejects.toThrow(ValidationError);
      await expect(everybody().list(request)).rejects.toThrow(ValidationError);
    }
  });
});

describe('statistics', () => {
  const january = { since: '2030-01-01', until: '2030-01-31' };
  const none = {
    count: 0,
    average_rating: null,
    ratings: { 1: 0, 2: 0, 3: 0, 4: 0, 5: 0 },
    thumbs_up: 0,
    thumbs_down: 0,
  };

  test('count ratings and thumbs, in all, by type and by day', async () => {
    const { person } = await giving([
      { rating: 5, thumbs_up: true, at: '2030-01-07T00:00:00Z' },
      { rating: 4, at: '2030-01-07T23:59:59.999999Z' },
      { rating: 4, feedback_type: 'accuracy', at: '2030-01-31T23:59:59.999999Z' },
      { thumbs_up: false, feedback_type: 'accuracy', at: '2030-01-01T00:00:00Z' },
      { feedback_text: 'Late.', at: '2030-01-09T08:00:00Z' },
      { rating: 1, at: '2029-12-31T23:59:59.999999Z' },
      { rating: 1, at: '2030-02-01T00:00:00Z' },
    ]);
    const general = { ...none, count: 3, average_rating: 4.5, ratings: { ...none.ratings, 4: 1, 5: 1 }, thumbs_up: 1 };
    const four = { ...none, count: 1, average_rating: 4, ratings: { ...none.ratings, 4: 1 } };
    const down = { ...none, count: 1, thumbs_down: 1 };
    const statistics = {
      count: 5,
      average_rating: 4.33,
      ratings: { 1: 0, 2: 0, 3: 0, 4: 2, 5: 1 },
      thumbs_up: 1,
      thumbs_down: 1,
      by_type: [
        { feedback_type: 'accuracy', ...four, count: 2, thumbs_down: 1 },
        { feedback_type: 'general', ...general },
      ],
      by_period: [
        { starts_on: '2030-01-01', ...down },
        { starts_on: '2030-01-07', ...general, count: 2 },
        { starts_on: '2030-01-09', ...none, count: 1 },
        { starts_on: '2030-01-31', ...four },
      ],
    };
    expect(await person.pam.feedbackStatistics(january)).toEqual(statistics);
    expect(await everybody().statistics(january)).toEqual(statistics);
    expect(await sessions.database.asService().onBehalfOf(person.id).pam.feedbackStatistics(january)).toEqual(
      statistics,
    );
    const starts = async (period: FeedbackPeriod['period']) =>
      (await person.pam.feedbackStatistics({ ...january, period })).by_period.map(({ starts_on, count }) => ({
        [starts_on]: count,
      }));
    // Mondays.
    expect(await starts('week')).toEqual([{ '2029-12-31': 1 }, { '2030-01-07': 3 }, { '2030-01-28': 1 }]);
    expect(await starts('month')).toEqual([{ '2030-01-01': 5 }]);
  });

  test('are of the user’s own days, and of nobody else’s feedback', async () => {
    const { person } = await giving([{ rating: 5, at: '2031-01-01T12:00:00Z' }]);
    await giving([{ rating: 1, at: '2031-01-01T12:00:00Z' }]);
    const days = { since: '2031-01-01', until: '2031-01-02' };
    await person.profiles.update({ timezone: 'Pacific/Auckland' });
    expect((await person.pam.feedbackStatistics(days)).by_period).toMatchObject([
      { starts_on: '2031-01-02', count: 1 },
    ]);
    expect((await person.pam.feedbackStatistics({ ...days, until: '2031-01-01' })).count).toBe(0);
    expect(await everybody().statistics(days)).toMatchObject({
      count: 2,
      average_rating: 3,
      by_period: [{ starts_on: '2031-01-01', count: 2 }],
    });
  });

  test('of nothing are zero', async () => {
    const { pam } = await sessions.signUp();
    const nothing = { ...none, by_type: [], by_period: [] };
    expect(await pam.feedbackStatistics(january)).toEqual(nothing);
    expect(await pam.feedbackStatistics({ since: '2030-02-01', until: '2030-01-01' })).toEqual(nothing);
  });

  test('need two dates', async () => {
    const { pam } = await sessions.signUp();
    for (const wrong of [
      undefined,
      {},
      { since: '2026-01-01' },
      { ...january, until: '31.1.' },
      { ...january, period: 'hour' },
    ]) {
      await expect(pam.feedbackStatistics(wrong as FeedbackPeriod)).rejects.toThrow(ValidationError);
      await expect(everybody().statistics(wrong as FeedbackPeriod)).rejects.toThrow(ValidationError);
    }
  });
});

describe('feedback that is taken back', () => {
  test('is gone, once; nobody takes back another’s', async () => {
    const { person, feedback } = await giving([{ rating: 1 }]);
    const id = feedback[0]?.id ?? '';
    const bob = await sessions.signUp();
    expect(await bob.pam.deleteFeedback(id)).toBe(false);
    expect(await sessions.database.asService().onBehalfOf(bob.id).pam.deleteFeedback(id)).toBe(false);
    expect(await person.pam.deleteFeedback(id)).toBe(true);
    expect(await person.pam.deleteFeedback(id)).toBe(false);
    await expect(person.pam.deleteFeedback('42')).rejects.toThrow(ValidationError);
  });

  test('stays when the account is suspended', async () => {
    const { person, feedback } = await giving([{ rating: 1 }]);
    await sessions.suspend(person);
    await expect(person.pam.deleteFeedback(feedback[0]?.id ?? '')).rejects.toThrow(PermissionError);
    expect(await person.pam.deleteFeedback(randomUUID())).toBe(false);
    expect((await person.pam.listFeedback()).items).toEqual(feedback);
  });
});
