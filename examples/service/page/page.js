// Shows one traveller's view of the service. What comes from the service is only ever put in as text.

const element = (id) => document.getElementById(id);
/** Aborted when another traveller signs in, or nobody is. */
let visit = new AbortController();
let token;

class ProblemError extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.status = problem.status;
    this.retryAfterMillis = problem.status === 503 ? 1000 : undefined;
  }
}

async function send(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: token ? { authorization: `Bearer ${token}` } : {},
    body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
    signal: visit.signal,
  });
  if (!response.ok) throw new ProblemError(await response.json());
  return response;
}

const get = async (path) => await (await send('GET', path)).json();
const post = async (path, body) => await (await send('POST', path, body)).json();

/** The events of an answer, as they arrive. An EventSource would not send the token. */
async function* eventsOf(response) {
  let text = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      // What remains are comments, which keep the connection open.
      if (event) yield { event, data: JSON.parse(data) };
    }
  }
}

function money(amount, currency) {
  return new Intl.NumberFormat(undefined, { style: 'currency', currency }).format(amount);
}

const day = (date) =>
  new Date(`${date}T00:00:00Z`).toLocaleDateString(undefined, { timeZone: 'UTC', dateStyle: 'medium' });

function make(name, { text, className, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function complain(error) {
  if (error.name === 'AbortError') return;
  element('problem').textContent = error.message;
  element('problem').hidden = false;
}

/** Runs what the user asked for, and says what went wrong. */
function attempt(action) {
  element('problem').hidden = true;
  action().catch(complain);
}

const rows = { trips: new Map(), expenses: new Map() };
const shown = { trips: new Set(), expenses: new Set() };

function render() {
  const trips = Array.from(rows.trips.values()).sort(byConcern);
  element('trips').replaceChildren(...trips.slice(0, 4).map(tripCard));
  const select = element('new-expense').elements.trip_id;
  const chosen = select.value;
  select.replaceChildren(
    make('option', { text: 'none', value: '' }),
    ...trips.map(({ id, name }) => make('option', { text: name, value: id })),
  );
  const active = trips.find(({ status }) => status === 'active');
  select.value = rows.trips.has(chosen) ? chosen : (active?.id ?? '');
  const expenses = Array.from(rows.expenses.values()).sort(
    (a, b) => b.date.localeCompare(a.date) || b.created_at.localeCompare(a.created_at),
  );
  element('expenses').replaceChildren(...expenses.slice(0, 6).map(expenseLine));
}

const ranks = ['active', 'planning', 'completed', 'cancelled'];

/** Trips that are under way first, then plans, the newest first, then what is over. */
function byConcern(a, b) {
  const rank = ranks.indexOf(a.status) - ranks.indexOf(b.status);
  return (
    rank || (b.start_date ?? '9999').localeCompare(a.start_date ?? '9999') || b.created_at.localeCompare(a.created_at)
  );
}

/** Marks what has come since the last list. */
function mark(table, id, made) {
  if (!shown[table].has(id)) made.classList.add('new');
  shown[table].add(id);
  return made;
}

function tripCard(trip) {
  const { id, name, status, start_date, end_date, budget_total, budget_spent, currency } = trip;
  const when = [start_date, end_date].filter(Boolean).map(day).join(' – ') || 'no dates yet';
  const spent = `${money(budget_spent, currency)} spent`;
  const card = make(
    'li',
    { 'data-status': status },
    make('strong', { text: name }),
    make('span', { className: 'when', text: `${status} · ${when}` }),
    make('span', { className: 'money', text: budget_total ? `${spent} of ${money(budget_total, currency)}` : spent }),
  );
  if (budget_total) {
    const over = Number(budget_spent) > Number(budget_total);
    const value = Math.min(Number(budget_spent), Number(budget_total));
    const label = `Budget of ${name}`;
    card.append(make('progress', { value, max: budget_total, 'aria-label': label, ...(over && { 'data-over': '' }) }));
  }
  return mark('trips', id, card);
}

function expenseLine({ id, date, amount, currency, category, description, trip_id }) {
  const trip = rows.trips.get(trip_id)?.name;
  return mark(
    'expenses',
    id,
    make(
      'li',
      {},
      make('span', { text: description ?? category }),
      make('span', { className: 'money', text: money(amount, currency) }),
      make('span', { className: 'faint', text: [day(date), category, trip].filter(Boolean).join(' · ') }),
    ),
  );
}

async function loadTotals() {
  const { items } = await get('/api/expenses/totals');
  const largest = Math.max(...items.map(({ total }) => Number(total)), 0);
  element('totals').replaceChildren(
    ...items
      .slice(0, 6)
      .map(({ category, currency, total }) =>
        make(
          'li',
          {},
          make('span', { text: category }),
          make('progress', { value: total, max: largest, 'aria-label': category }),
          make('span', { className: 'money', text: money(total, currency) }),
        ),
      ),
  );
}

async function loadLists() {
  const [trips, expenses] = await Promise.all([get('/api/trips?limit=50'), get('/api/expenses?limit=50')]);
  rows.trips = new Map(trips.items.map((trip) => [trip.id, trip]));
  rows.expenses = new Map(expenses.items.map((expense) => [expense.id, expense]));
  shown.trips = new Set(rows.trips.keys());
  shown.expenses = new Set(rows.expenses.keys());
  render();
  await loadTotals();
}

let totalsTimer;

function apply({ table, operation, row, old }) {
  if (operation === 'truncate') return;
  if (table === 'pam_messages') {
    if (row && row.conversation_id === conversation?.id) showMessage(row);
    return;
  }
  if (row) rows[table].set(row.id, row);
  else rows[table].delete(old.id);
  render();
  if (table !== 'expenses') return;
  clearTimeout(totalsTimer);
  totalsTimer = setTimeout(() => loadTotals().catch(complain), 200);
}

/** Follows changes until somebody else signs in; lists anew whenever the stream begins, as it has no history. */
async function follow() {
  const { signal } = visit;
  for (let attempts = 0; !signal.aborted; attempts++) {
    try {
      for await (const { event, data } of eventsOf(await send('GET', '/api/changes'))) {
        if (event === 'ready') {
          await loadLists();
          await loadConversation();
          attempts = 0;
          showLive('on', 'Live');
        } else if (event === 'change') apply(data);
        else if (event === 'end' && data.reason === 'token_expired') return signOut('Your time is up: sign in again.');
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 401) return signOut(error.message);
    }
    showLive('waiting', 'Reconnecting …');
    await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 500 * 2 ** attempts)));
  }
}

function showLive(state, text) {
  element('live').dataset.state = state;
  element('live').textContent = text;
}

let conversation;

async function loadConversation() {
  const { items } = await get('/api/conversations?limit=1');
  conversation = items[0] ?? (await post('/api/conversations', { session_id: 'page' }));
  const page = await get(`/api/conversations/${conversation.id}/messages?limit=20`);
  element('messages').replaceChildren();
  for (const message of page.items.toReversed()) showMessage(message);
}

function showMessage({ id, role, content }) {
  if (role !== 'user' && role !== 'assistant') return undefined;
  const log = element('messages');
  let item = Array.from(log.children).find(({ dataset }) => dataset.id === id);
  if (!item) {
    item = make('li', { 'data-id': id, 'data-role': role });
    log.append(item);
  }
  item.textContent = content;
  log.scrollTop = log.scrollHeight;
  return item;
}

async function ask(content) {
  const id = crypto.randomUUID();
  const asked = showMessage({ id, role: 'user', content });
  const answer = showMessage({ id: `answer to ${id}`, role: 'assistant', content: '…' });
  try {
    let text = '';
    const response = await send('POST', `/api/conversations/${conversation.id}/messages`, { id, content });
    for await (const { event, data } of eventsOf(response)) {
      if (event === 'piece') {
        text += data.text;
        showMessage({ id: answer.dataset.id, role: 'assistant', content: text });
      } else if (event === 'stored') {
        answer.remove();
        for (const message of data.messages) showMessage(message);
        return;
      } else if (event === 'problem') throw new ProblemError(data);
    }
    throw new Error('The connection was lost: ask again.');
  } catch (error) {
    // Neither was stored.
    asked.remove();
    answer.remove();
    throw error;
  }
}

let feedCursor = '';

async function loadFeed() {
  const { items, next_cursor } = await get(`/api/feed?limit=8&cursor=${feedCursor}`);
  if (!feedCursor) element('feed').replaceChildren();
  for (const { title, content, full_name, created_at, tags, likes_count, comments_count } of items) {
    const by = [full_name ?? 'Somebody', day(created_at.slice(0, 10)), ...tags.map((tag) => `#${tag}`)].join(' · ');
    element('feed').append(
      make(
        'li',
        {},
        make('strong', { text: title }),
        make('p', { text: content }),
        make('span', { className: 'faint', text: `${by} · ${likes_count} likes · ${comments_count} comments` }),
      ),
    );
  }
  feedCursor = next_cursor ?? '';
  element('more').hidden = !next_cursor;
}

/** Begins anew as whoever has the token, or as a visitor. */
function show(name, newToken) {
  visit.abort();
  visit = new AbortController();
  token = newToken;
  conversation = undefined;
  feedCursor = '';
  for (const part of document.querySelectorAll('[data-for="travellers"]')) part.hidden = !token;
  for (const button of document.querySelectorAll('#travellers button[data-name]')) {
    button.setAttribute('aria-pressed', String(button.dataset.name === name));
  }
  element('sign-out').hidden = !token;
  showLive('off', token ? 'Connecting …' : 'You see what everybody sees.');
  attempt(loadFeed);
  if (token) follow();
}

async function signIn(name) {
  const { token: given } = await post(`/demo/travellers/${encodeURIComponent(name)}/token`);
  sessionStorage.setItem('traveller', JSON.stringify({ name, token: given }));
  show(name, given);
}

function signOut(reason) {
  sessionStorage.removeItem('traveller');
  show(undefined, undefined);
  if (reason) complain(new Error(reason));
}

function onSubmit(id, action) {
  const form = element(id);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    attempt(async () => {
      button.disabled = true;
      try {
        await action(Object.fromEntries(Array.from(new FormData(form)).filter(([, value]) => value !== '')), form);
      } finally {
        button.disabled = false;
      }
    });
  });
}

onSubmit('new-trip', async (input, form) => {
  await post('/api/trips', { id: crypto.randomUUID(), ...input });
  form.reset();
});
onSubmit('new-expense', async ({ category, trip_id, ...input }, form) => {
  const trip = rows.trips.get(trip_id);
  // A budget counts expenses in its own currency.
  const of = trip && { trip_id, currency: trip.currency };
  await post('/api/expenses', { id: crypto.randomUUID(), category, ...of, ...input });
  form.elements.amount.value = '';
  form.elements.description.value = '';
});
onSubmit('ask', async ({ content }, form) => {
  form.reset();
  await ask(content);
});
element('import').addEventListener('change', ({ currentTarget: form, target: { files } }) => {
  attempt(async () => {
    const [file] = files;
    if (!file) return;
    const { created, existing } = await post('/api/expenses/import', file);
    form.querySelector('output').textContent = `${created} new, ${existing} known before.`;
    form.reset();
  });
});
element('more').addEventListener('click', () => attempt(loadFeed));

async function begin() {
  // Without the demonstration's sign-in the page is a visitor's.
  const { names } = await get('/demo/travellers').catch(() => ({ names: [] }));
  element('travellers').append(
    ...names.map((name) => {
      const button = make('button', { type: 'button', text: name, 'data-name': name, 'aria-pressed': 'false' });
      button.addEventListener('click', () => attempt(() => signIn(name)));
      return button;
    }),
    make('button', { type: 'button', id: 'sign-out', text: 'Sign out', hidden: '' }),
  );
  element('sign-out').addEventListener('click', () => signOut());
  const before = JSON.parse(sessionStorage.getItem('traveller') ?? 'null');
  show(before?.name, before?.token);
}

begin();
