-- The statements of every method in its common case. Written by `npm run statements`.

-- ExpenseRepository.create
insert into
  "expenses" (
    "user_id",
    "id",
    "trip_id",
    "amount",
    "category",
    "description",
    "location",
    "receipt_url",
    "tags",
    "metadata",
    "currency"
  )
values
  ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
returning
  "id",
  "user_id",
  "trip_id",
  "amount",
  "currency",
  "category",
  "description",
  "date",
  "location",
  "receipt_url",
  "tags",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- ExpenseReader.find
select
  "id",
  "user_id",
  "trip_id",
  "amount",
  "currency",
  "category",
  "description",
  "date",
  "location",
  "receipt_url",
  "tags",
  "metadata",
  "version",
  "created_at",
  "updated_at"
from
  "expenses"
where
  "user_id" = $1
  and "id" = $2;

-- ExpenseReader.get
select
  "id",
  "user_id",
  "trip_id",
  "amount",
  "currency",
  "category",
  "description",
  "date",
  "location",
  "receipt_url",
  "tags",
  "metadata",
  "version",
  "created_at",
  "updated_at"
from
  "expenses"
where
  "user_id" = $1
  and "id" = $2;

-- ExpenseReader.list
select
  "id",
  "user_id",
  "trip_id",
  "amount",
  "currency",
  "category",
  "description",
  "date",
  "location",
  "receipt_url",
  "tags",
  "metadata",
  "version",
  "created_at",
  "updated_at"
from
  "expenses"
where
  expenses.user_id = $1
  and expenses.category = $2
order by
  "date" desc,
  "id" desc
limit
  $3;

-- ExpenseReader.exportCsv
select
  "id",
  "user_id",
  "trip_id",
  "amount",
  "currency",
  "category",
  "description",
  "date",
  "location",
  "receipt_url",
  "tags",
  "metadata",
  "version",
  "created_at",
  "updated_at"
from
  "expenses"
where
  expenses.user_id = $1
order by
  "date" desc,
  "id" desc
limit
  1000;

-- ExpenseRepository.update
update "expenses"
set
  "amount" = $1
where
  "user_id" = $2
  and "id" = $3
  and "version" = $4
returning
  "id",
  "user_id",
  "trip_id",
  "amount",
  "currency",
  "category",
  "description",
  "date",
  "location",
  "receipt_url",
  "tags",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- ExpenseRepository.delete
delete from "expenses"
where
  "user_id" = $1
  and "id" = $2;

-- ExpenseRepository.move
update "expenses"
set
  "trip_id" = $1
where
  "user_id" = $2
  and "trip_id" = $3;

-- ExpenseReader.totalsByCategory
select
  "category",
  "currency",
  sum(amount) as "total",
  count(*)::integer as "count",
  round(avg(amount), 2) as "average"
from
  "expenses"
where
  expenses.user_id = $1
  and date > (
    select
      (now() at time zone timezone)::date
    from
      profiles
    where
      id = $2
  ) - 30
  and date <= (
    select
      (now() at time zone timezone)::date
    from
      profiles
    where
      id = $3
  )
group by
  "currency",
  "category"
order by
  "currency",
  "total" desc,
  "category";

-- ExpenseReader.totalsByMonth
select
  to_char(date::timestamp, 'YYYY-MM') as "month",
  "currency",
  sum(amount) as "total",
  count(*)::integer as "count",
  round(avg(amount), 2) as "average"
from
  "expenses"
where
  expenses.user_id = $1
  and date >= (
    date_trunc(
      'month',
      (
        select
          (now() at time zone timezone)::date
        from
          profiles
        where
          id = $2
      )::timestamp
    ) - interval '11 months'
  )::date
  and date <= (
    select
      (now() at time zone timezone)::date
    from
      profiles
    where
      id = $3
  )
group by
  "month",
  "currency"
order by
  "month",
  "currency";

-- ExpenseReader.totalsByTrip
select
  "totals"."trip_id",
  "trips"."name" as "trip_name",
  "totals"."currency",
  "total",
  "count",
  "average"
from
  (
    select
      "trip_id",
      "currency",
      sum(amount) as "total",
      count(*)::integer as "count",
      round(avg(amount), 2) as "average"
    from
      "expenses"
    where
      expenses.user_id = $1
      and expenses.date >= $2
      and expenses.date <= $3
    group by
      "currency",
      "trip_id"
  ) as "totals"
  left join "trips" on "trips"."user_id" = $4
  and "trips"."id" = "totals"."trip_id"
order by
  "totals"."currency",
  "totals"."total" desc,
  "totals"."trip_id";

-- ExpenseReader.totalsByTag
select
  "each"."tag",
  "currency",
  sum(amount) as "total",
  count(*)::integer as "count",
  round(avg(amount), 2) as "average"
from
  "expenses"
  left join lateral unnest(expenses.tags) as each (tag) on true
where
  expenses.user_id = $1
  and expenses.date >= $2
  and expenses.date <= $3
group by
  "currency",
  "each"."tag"
order by
  "currency",
  "total" desc,
  "each"."tag";

-- ExpenseReader.totalsByCurrency
select
  "currency",
  sum(amount) as "total",
  count(*)::integer as "count",
  round(avg(amount), 2) as "average"
from
  "expenses"
where
  expenses.user_id = $1
  and expenses.trip_id = $2
group by
  "currency"
order by
  "currency";

-- IncomeRepository.create
insert into
  "income_entries" (
    "user_id",
    "id",
    "amount",
    "currency",
    "source",
    "description",
    "date",
    "type",
    "frequency",
    "ends_on",
    "metadata"
  )
select
  $1::uuid,
  input.*
from
  jsonb_to_recordset($2::jsonb) as input (
    id uuid,
    amount numeric,
    currency text,
    source text,
    description text,
    date date,
    type text,
    frequency text,
    ends_on date,
    metadata jsonb
  )
order by
  id
on conflict do nothing
returning
  "id",
  "user_id",
  "amount",
  "currency",
  "source",
  "description",
  "date",
  "type",
  "frequency",
  "ends_on",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- IncomeRepository.find
select
  "id",
  "user_id",
  "amount",
  "currency",
  "source",
  "description",
  "date",
  "type",
  "frequency",
  "ends_on",
  "metadata",
  "version",
  "created_at",
  "updated_at"
from
  "income_entries"
where
  "user_id" = $1
  and "id" = $2;

-- IncomeRepository.get
select
  "id",
  "user_id",
  "amount",
  "currency",
  "source",
  "description",
  "date",
  "type",
  "frequency",
  "ends_on",
  "metadata",
  "version",
  "created_at",
  "updated_at"
from
  "income_entries"
where
  "user_id" = $1
  and "id" = $2;

-- IncomeRepository.list
select
  "id",
  "user_id",
  "amount",
  "currency",
  "source",
  "description",
  "date",
  "type",
  "frequency",
  "ends_on",
  "metadata",
  "version",
  "created_at",
  "updated_at"
from
  "income_entries"
where
  "user_id" = $1
order by
  "date" desc,
  "id" desc
limit
  $2;

-- IncomeRepository.update
update "income_entries"
set
  "amount" = $1
where
  "user_id" = $2
  and "id" = $3
returning
  "id",
  "user_id",
  "amount",
  "currency",
  "source",
  "description",
  "date",
  "type",
  "frequency",
  "ends_on",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- IncomeRepository.delete
delete from "income_entries"
where
  "user_id" = $1
  and "id" = $2;

-- IncomeRepository.occurrences
select
  *
from
  public.user_income_occurrences ($1::uuid, $2::date, $3::date);

-- IncomeRepository.expected
select
  currency,
  sum(amount) as total,
  count(*)::integer as count
from
  public.user_income_occurrences ($1::uuid, $2::date, $3::date)
group by
  currency
order by
  currency;

-- IncomeRepository.cashFlow
select
  to_char(month, 'YYYY-MM') as month,
  currency,
  sum(income) as income,
  sum(expenses) as expenses,
  sum(income) - sum(expenses) as net
from
  (
    select
      date_trunc('month', date::timestamp) as month,
      currency,
      amount as income,
      0.00 as expenses
    from
      public.user_income_occurrences ($1::uuid, $2::date, $3::date)
    union all
    select
      date_trunc('month', date::timestamp),
      currency,
      0.00,
      amount
    from
      public.expenses
    where
      user_id = $4
      and date between $5 and $6
  ) as movements
group by
  month,
  currency
order by
  month,
  currency;

-- BudgetRepository.create
insert into
  "budgets" ("user_id", "id", "trip_id", "category", "amount", "currency", "period", "starts_on")
select
  $1::uuid,
  input.*
from
  jsonb_to_recordset($2::jsonb) as input (id uuid, trip_id uuid, category text, amount numeric, currency text, period text, starts_on date)
order by
  id
on conflict do nothing
returning
  "id",
  "user_id",
  "trip_id",
  "category",
  "amount",
  "currency",
  "period",
  "starts_on",
  "version",
  "created_at",
  "updated_at";

-- BudgetRepository.find
select
  "id",
  "user_id",
  "trip_id",
  "category",
  "amount",
  "currency",
  "period",
  "starts_on",
  "version",
  "created_at",
  "updated_at"
from
  "budgets"
where
  "user_id" = $1
  and "id" = $2;

-- BudgetRepository.get
select
  "id",
  "user_id",
  "trip_id",
  "category",
  "amount",
  "currency",
  "period",
  "starts_on",
  "version",
  "created_at",
  "updated_at"
from
  "budgets"
where
  "user_id" = $1
  and "id" = $2;

-- BudgetRepository.list
select
  "b"."id",
  "b"."user_id",
  "b"."trip_id",
  "b"."category",
  "b"."amount",
  "b"."currency",
  "b"."period",
  "b"."starts_on",
  "b"."version",
  "b"."created_at",
  "b"."updated_at",
  b.created_at::text as "sort_key"
from
  "budgets" as "b"
where
  "b"."user_id" = $1
  and "b"."period" = $2
order by
  "b"."created_at" desc,
  "b"."id" desc
limit
  $3;

-- BudgetRepository.usage
select
  "b"."id",
  "b"."user_id",
  "b"."trip_id",
  "b"."category",
  "b"."amount",
  "b"."currency",
  "b"."period",
  "b"."starts_on",
  "b"."version",
  "b"."created_at",
  "b"."updated_at",
  b.created_at::text as "sort_key",
  case b.period
    when 'trip' then t.start_date
    else span.since
  end as "period_start",
  case b.period
    when 'trip' then t.end_date
    else span.until
  end as "period_end",
  "spent"."used",
  b.amount - spent.used as "remaining",
  round(100 * spent.used / b.amount, 1)::float8 as "percent",
  case
    when spent.used > b.amount then 'over'
    when 100 * spent.used >= $1::numeric * b.amount then 'near'
    else 'within'
  end as "state"
from
  "budgets" as "b"
  inner join "profiles" as "p" on "p"."id" = $2
  left join lateral (
    select
      start_date,
      end_date,
      spent_by_currency
    from
      trips
    where
      user_id = $3
      and id = b.trip_id
    offset
      0
  ) as "t" on true
  cross join lateral (
    select
      length,
      greatest(guess - (b.starts_on + guess * length > day)::integer, 0) as number
    from
      (
        select
          day,
          case b.period
            when 'weekly' then interval '7 days'
            when 'monthly' then interval '1 month'
            else interval '1 year'
          end as length,
          case b.period
            when 'weekly' then (day - b.starts_on) / 7
            when 'monthly' then 12 * (
              extract(
                year
                from
                  day
              ) - extract(
                year
                from
                  b.starts_on
              )
            ) + extract(
              month
              from
                day
            ) - extract(
              month
              from
                b.starts_on
            )
            when 'yearly' then extract(
              year
              from
                day
            ) - extract(
              year
              from
                b.starts_on
            )
            else 0
          end::integer as guess
        from
          (
            select
              (now() at time zone p.timezone)::date as day
          ) as asked
      ) as counted
    offset
      0
  ) as "current"
  cross join lateral (
    select
      current.number
  ) as "period"
  cross join lateral (
    select
      case b.period
        when 'trip' then '-infinity'
        else (b.starts_on + period.number * current.length)::date
      end as since,
      case b.period
        when 'trip' then 'infinity'
        else (b.starts_on + (period.number + 1) * current.length)::date - 1
      end as until
    offset
      0
  ) as "span"
  cross join lateral (
    select
      coalesce(sum(amount), 0.00) as used
    from
      (
        select
          (t.spent_by_currency ->> b.currency::text)::numeric as amount
        where
          b.period = 'trip'
          and b.category is null
        union all
        select
          e.amount
        from
          expenses e
        where
          (
            b.period <> 'trip'
            or b.category is not null
          )
          and e.user_id = $4
          and e.trip_id = b.trip_id
          and e.date between span.since and span.until
          and (
            b.category is null
            or e.category = b.category
          )
          and e.currency = b.currency
        union all
        select
          e.amount
        from
          expenses e
        where
          b.trip_id is null
          and e.user_id = $5
          and e.category = b.category
          and e.date between span.since and span.until
          and e.currency = b.currency
        union all
        select
          e.amount
        from
          expenses e
        where
          b.trip_id is null
          and b.category is null
          and e.user_id = $6
          and e.date between span.since and span.until
          and e.currency = b.currency
      ) as spendings
  ) as "spent"
where
  "b"."user_id" = $7
  and case
    when spent.used > b.amount then 'over'
    when 100 * spent.used >= $8::numeric * b.amount then 'near'
    else 'within'
  end = any ($9::text[])
order by
  "b"."created_at" desc,
  "b"."id" desc
limit
  $10;

-- BudgetRepository.history
select
  case b.period
    when 'trip' then t.start_date
    else span.since
  end as "period_start",
  case b.period
    when 'trip' then t.end_date
    else span.until
  end as "period_end",
  "spent"."used",
  b.amount - spent.used as "remaining",
  round(100 * spent.used / b.amount, 1)::float8 as "percent",
  "period"."number"
from
  "budgets" as "b"
  inner join "profiles" as "p" on "p"."id" = $1
  left join lateral (
    select
      start_date,
      end_date,
      spent_by_currency
    from
      trips
    where
      user_id = $2
      and id = b.trip_id
    offset
      0
  ) as "t" on true
  cross join lateral (
    select
      length,
      greatest(guess - (b.starts_on + guess * length > day)::integer, 0) as number
    from
      (
        select
          day,
          case b.period
            when 'weekly' then interval '7 days'
            when 'monthly' then interval '1 month'
            else interval '1 year'
          end as length,
          case b.period
            when 'weekly' then (day - b.starts_on) / 7
            when 'monthly' then 12 * (
              extract(
                year
                from
                  day
              ) - extract(
                year
                from
                  b.starts_on
              )
            ) + extract(
              month
              from
                day
            ) - extract(
              month
              from
                b.starts_on
            )
            when 'yearly' then extract(
              year
              from
                day
            ) - extract(
              year
              from
                b.starts_on
            )
            else 0
          end::integer as guess
        from
          (
            select
              (now() at time zone p.timezone)::date as day
          ) as asked
      ) as counted
    offset
      0
  ) as "current"
  cross join lateral (
    select
      number
    from
      generate_series(current.number, greatest(current.number - $3::integer, 0), -1) as number
  ) as "period"
  cross join lateral (
    select
      case b.period
        when 'trip' then '-infinity'
        else (b.starts_on + period.number * current.length)::date
      end as since,
      case b.period
        when 'trip' then 'infinity'
        else (b.starts_on + (period.number + 1) * current.length)::date - 1
      end as until
    offset
      0
  ) as "span"
  cross join lateral (
    select
      coalesce(sum(amount), 0.00) as used
    from
      (
        select
          (t.spent_by_currency ->> b.currency::text)::numeric as amount
        where
          b.period = 'trip'
          and b.category is null
        union all
        select
          e.amount
        from
          expenses e
        where
          (
            b.period <> 'trip'
            or b.category is not null
          )
          and e.user_id = $4
          and e.trip_id = b.trip_id
          and e.date between span.since and span.until
          and (
            b.category is null
            or e.category = b.category
          )
          and e.currency = b.currency
        union all
        select
          e.amount
        from
          expenses e
        where
          b.trip_id is null
          and e.user_id = $5
          and e.category = b.category
          and e.date between span.since and span.until
          and e.currency = b.currency
        union all
        select
          e.amount
        from
          expenses e
        where
          b.trip_id is null
          and b.category is null
          and e.user_id = $6
          and e.date between span.since and span.until
          and e.currency = b.currency
      ) as spendings
  ) as "spent"
where
  "b"."user_id" = $7
  and "b"."id" = $8
order by
  "period"."number" desc;

-- BudgetRepository.update
update "budgets"
set
  "amount" = $1
where
  "user_id" = $2
  and "id" = $3
  and "version" = $4
returning
  "id",
  "user_id",
  "trip_id",
  "category",
  "amount",
  "currency",
  "period",
  "starts_on",
  "version",
  "created_at",
  "updated_at";

-- BudgetRepository.delete
delete from "budgets"
where
  "user_id" = $1
  and "id" = $2;

-- PlaceRepository.create
insert into
  "places" ("user_id", "id", "trip_id", "name", "kind", "location", "rating", "notes", "tags")
select
  $1::uuid,
  input.*
from
  jsonb_to_recordset($2::jsonb) as input (
    id uuid,
    trip_id uuid,
    name text,
    kind text,
    location jsonb,
    rating integer,
    notes text,
    tags text[]
  )
order by
  id
on conflict do nothing
returning
  "id",
  "user_id",
  "trip_id",
  "name",
  "kind",
  "location",
  "rating",
  "notes",
  "tags",
  "version",
  "created_at",
  "updated_at";

-- PlaceRepository.find
select
  "id",
  "user_id",
  "trip_id",
  "name",
  "kind",
  "location",
  "rating",
  "notes",
  "tags",
  "version",
  "created_at",
  "updated_at"
from
  "places"
where
  "user_id" = $1
  and "id" = $2;

-- PlaceRepository.get
select
  "id",
  "user_id",
  "trip_id",
  "name",
  "kind",
  "location",
  "rating",
  "notes",
  "tags",
  "version",
  "created_at",
  "updated_at"
from
  "places"
where
  "user_id" = $1
  and "id" = $2;

-- PlaceRepository.list
select
  "id",
  "user_id",
  "trip_id",
  "name",
  "kind",
  "location",
  "rating",
  "notes",
  "tags",
  "version",
  "created_at",
  "updated_at",
  created_at::text as "sort_key"
from
  "places"
where
  "user_id" = $1
  and "kind" = $2
order by
  "created_at" desc,
  "id" desc
limit
  $3;

-- PlaceRepository.update
update "places"
set
  "rating" = $1
where
  "user_id" = $2
  and "id" = $3
  and "version" = $4
returning
  "id",
  "user_id",
  "trip_id",
  "name",
  "kind",
  "location",
  "rating",
  "notes",
  "tags",
  "version",
  "created_at",
  "updated_at";

-- PlaceRepository.delete
delete from "places"
where
  "user_id" = $1
  and "id" = $2;

-- TripRepository.create
insert into
  "trips" (
    "user_id",
    "id",
    "name",
    "description",
    "start_date",
    "end_date",
    "status",
    "budget_total",
    "currency",
    "route_data",
    "destinations",
    "metadata"
  )
select
  $1::uuid,
  input.*
from
  jsonb_to_recordset($2::jsonb) as input (
    id uuid,
    name text,
    description text,
    start_date date,
    end_date date,
    status text,
    budget_total numeric,
    currency text,
    route_data jsonb,
    destinations jsonb,
    metadata jsonb
  )
order by
  id
on conflict do nothing
returning
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- TripRepository.find
select
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at"
from
  "trips"
where
  "user_id" = $1
  and "id" = $2;

-- TripRepository.get
select
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at"
from
  "trips"
where
  "user_id" = $1
  and "id" = $2;

-- TripRepository.list
select
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at",
  "start_date"::text as "sort_key"
from
  "trips"
where
  "user_id" = $1
  and "status" = $2
  and start_date > (
    select
      (now() at time zone timezone)::date
    from
      profiles
    where
      id = $3
  )
order by
  "start_date" asc,
  "id" asc
limit
  $4;

-- TripRepository.listWithTotals
select
  "id",
  "name",
  "start_date",
  "end_date",
  "status",
  "currency",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  budget_total - budget_spent as "remaining_budget",
  round(100 * budget_spent / nullif(budget_total, 0), 1)::float8 as "used_percent",
  "created_at"::text as "sort_key"
from
  "trips"
where
  "user_id" = $1
order by
  "created_at" desc,
  "id" desc
limit
  $2;

-- TripRepository.update
update "trips"
set
  "name" = $1
where
  "user_id" = $2
  and "id" = $3
returning
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- TripRepository.setStatus
update "trips"
set
  "status" = $1
where
  "user_id" = $2
  and "id" = $3
returning
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- TripRepository.duplicate
with
  source as (
    select
      id,
      user_id,
      name,
      description,
      start_date,
      end_date,
      budget_total,
      currency,
      route_data,
      destinations,
      metadata,
      coalesce($1::date - coalesce(start_date, first_day), 0) as days
    from
      trips
      cross join lateral (
        select
          min(least(stop ->> 'arrive_on', stop ->> 'leave_on'))::date as first_day
        from
          jsonb_array_elements(destinations) as stop
      ) as stops
    where
      user_id = $2
      and id = $3
  ),
copy as (
  insert into
    trips (
      user_id,
      id,
      name,
      description,
      start_date,
      end_date,
      budget_total,
      currency,
      route_data,
      destinations,
      metadata
    )
  select
    user_id,
    $4::uuid,
    coalesce($5, name),
    description,
    coalesce($6, start_date),
    end_date + days,
    budget_total,
    currency,
    route_data,
    moved.destinations,
    metadata
  from
    source
    cross join lateral (
      select
        coalesce(
          jsonb_agg(
            stop || jsonb_strip_nulls(
              jsonb_build_object('arrive_on', (stop ->> 'arrive_on')::date + days, 'leave_on', (stop ->> 'leave_on')::date + days)
            )
            order by
              place
          ),
          '[]'
        ) as destinations
      from
        jsonb_array_elements(source.destinations) with ordinality as itinerary (stop, place)
    ) as moved
  on conflict do nothing
  returning
    "id",
    "user_id",
    "name",
    "description",
    "start_date",
    "end_date",
    "status",
    "budget_total",
    "budget_spent",
    "spent_by_currency",
    "expense_count",
    "currency",
    "route_data",
    "destinations",
    "metadata",
    "version",
    "created_at",
    "updated_at"
),
copied_budgets as (
  insert into
    budgets (user_id, trip_id, category, amount, currency, period, starts_on)
  select
    b.user_id,
    copy.id,
    b.category,
    b.amount,
    b.currency,
    b.period,
    b.starts_on + source.days
  from
  copy,
  source,
  budgets b
  where
    b.user_id = $7
    and b.trip_id = source.id
)
select
  *
from
copy;

-- TripRepository.days
select
  "start_date",
  "end_date",
  "destinations"
from
  "trips"
where
  "user_id" = $1
  and "id" = $2;

-- TripRepository.distance
select
  "destinations",
  (route_data -> 'distance')::float8 as "route_metres",
  (route_data -> 'duration')::float8 as "route_seconds"
from
  "trips"
where
  "user_id" = $1
  and "id" = $2;

-- TripRepository.addDestination
update "trips"
set
  "destinations" = jsonb_insert(destinations, array[$1::text], $2::jsonb)
where
  "user_id" = $3
  and "id" = $4
returning
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- TripRepository.updateDestination
update "trips"
set
  "destinations" = jsonb_set(destinations, array[$1::text], jsonb_strip_nulls((destinations -> $2::integer) || $3::jsonb))
where
  "user_id" = $4
  and "id" = $5
  and jsonb_array_length(destinations) > $6
returning
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- TripRepository.moveDestination
update "trips"
set
  "destinations" = jsonb_insert(destinations - $1::integer, array[$2::text], destinations -> $3::integer)
where
  "user_id" = $4
  and "id" = $5
  and jsonb_array_length(destinations) > $6
returning
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- TripRepository.removeDestination
update "trips"
set
  "destinations" = destinations - $1::integer
where
  "user_id" = $2
  and "id" = $3
  and jsonb_array_length(destinations) > $4
returning
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- TripRepository.delete
delete from "trips"
where
  "user_id" = $1
  and "id" = $2;

-- TripRepository.search
select
  *
from
  public.search_trips ($1, $2, $3, $4);

-- TripRepository.financialSummary
select
  *
from
  "trip_financial_summary"
where
  "user_id" = $1
  and "trip_id" = $2;

-- PostReader.feed
select
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at",
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  posts.created_at::text as "sort_key",
  own_like.user_id is not null as "liked"
from
  (
    select
      *
    from
      (
        select
          *
        from
          "posts"
        where
          posts.visibility = 'public'
        order by
          created_at desc,
          id desc
        limit
          (
            select
              101
          )
      ) as "posts"
    order by
      created_at desc,
      id desc
    limit
      101
  ) as "posts"
  left join "public_profiles" on "public_profiles"."id" = "posts"."user_id"
  left join lateral (
    select
      null::uuid as user_id
  ) as "own_like" on true
order by
  "posts"."created_at" desc,
  "posts"."id" desc
limit
  $1;

-- PostReader.byAuthor
select
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at",
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  posts.created_at::text as "sort_key",
  own_like.user_id is not null as "liked"
from
  (
    select
      *
    from
      (
        select
          *
        from
          "posts"
        where
          posts.user_id = $1
          and posts.visibility <> 'private'
        order by
          created_at desc,
          id desc
        limit
          (
            select
              101
          )
      ) as "posts"
    order by
      created_at desc,
      id desc
    limit
      101
  ) as "posts"
  left join "public_profiles" on "public_profiles"."id" = "posts"."user_id"
  left join lateral (
    select
      user_id
    from
      post_likes
    where
      post_likes.post_id = posts.id
      and post_likes.user_id = $2
    limit
      1
  ) as "own_like" on true
order by
  "posts"."created_at" desc,
  "posts"."id" desc
limit
  $3;

-- PostReader.byTag
select
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at",
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  posts.created_at::text as "sort_key",
  own_like.user_id is not null as "liked"
from
  (
    select
      posts.*
    from
      public.tagged_posts ($1, null, null, $2::integer) as tagged
      join posts on posts.id = tagged.post_id
  ) as "posts"
  left join "public_profiles" on "public_profiles"."id" = "posts"."user_id"
  left join lateral (
    select
      user_id
    from
      post_likes
    where
      post_likes.post_id = posts.id
      and post_likes.user_id = $3
    limit
      1
  ) as "own_like" on true
order by
  "posts"."created_at" desc,
  "posts"."id" desc
limit
  $4;

-- PostReader.near
select
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at",
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  posts.created_at::text as "sort_key",
  own_like.user_id is not null as "liked",
  posts.distance_m as "distance_m"
from
  (
    select
      posts.*,
      nearby.distance_m
    from
      public.posts_near ($1::double precision, $2::double precision, $3::double precision, null, null, null, $4::integer) as nearby
      join posts on posts.id = nearby.post_id
  ) as "posts"
  left join "public_profiles" on "public_profiles"."id" = "posts"."user_id"
  left join lateral (
    select
      user_id
    from
      post_likes
    where
      post_likes.post_id = posts.id
      and post_likes.user_id = $5
    limit
      1
  ) as "own_like" on true
order by
  "distance_m",
  "posts"."created_at" desc,
  "posts"."id" desc;

-- PostReader.find
select
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at"
from
  "posts"
where
  "id" = $1;

-- PostReader.get
select
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at"
from
  "posts"
where
  "id" = $1;

-- PostReader.search
select
  *
from
  public.search_posts ($1, $2);

-- PostRepository.feed
select
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at",
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  posts.created_at::text as "sort_key",
  own_like.user_id is not null as "liked"
from
  (
    select
      *
    from
      (
        select
          *
        from
          (
            select
              *
            from
              (
                select
                  *
                from
                  "posts"
                where
                  posts.visibility = 'public'
                order by
                  created_at desc,
                  id desc
                limit
                  (
                    select
                      101
                  )
              ) as "posts"
            order by
              created_at desc,
              id desc
            limit
              101
          ) as posts
        order by
          created_at desc,
          id desc
        limit
          $1
      ) as posts
    union all
    select
      *
    from
      (
        select
          *
        from
          (
            select
              posts.*
            from
              public.friends_posts (null, null, $2::integer) as friends
              join posts on posts.id = friends.post_id
          ) as posts
        order by
          created_at desc,
          id desc
        limit
          $3
      ) as posts
    where
      visibility <> 'public'
    union all
    select
      *
    from
      (
        select
          *
        from
          (
            select
              *
            from
              (
                select
                  *
                from
                  "posts"
                where
                  posts.user_id = $4
                order by
                  created_at desc,
                  id desc
                limit
                  (
                    select
                      101
                  )
              ) as "posts"
            order by
              created_at desc,
              id desc
            limit
              101
          ) as posts
        order by
          created_at desc,
          id desc
        limit
          $5
      ) as posts
    where
      visibility <> 'public'
  ) as "posts"
  left join "public_profiles" on "public_profiles"."id" = "posts"."user_id"
  left join lateral (
    select
      user_id
    from
      post_likes
    where
      post_likes.post_id = posts.id
      and post_likes.user_id = $6
    limit
      1
  ) as "own_like" on true
order by
  "posts"."created_at" desc,
  "posts"."id" desc
limit
  $7;

-- PostRepository.create
insert into
  "posts" (
    "user_id",
    "id",
    "trip_id",
    "title",
    "content",
    "images",
    "location",
    "tags",
    "visibility",
    "metadata"
  )
select
  $1::uuid,
  input.*
from
  jsonb_to_recordset($2::jsonb) as input (
    id uuid,
    trip_id uuid,
    title text,
    content text,
    images text[],
    location jsonb,
    tags text[],
    visibility text,
    metadata jsonb
  )
order by
  id
on conflict do nothing
returning
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at";

-- PostRepository.list
select
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at",
  posts.created_at::text as "sort_key"
from
  (
    select
      *
    from
      (
        select
          *
        from
          "posts"
        where
          posts.user_id = $1
        order by
          created_at desc,
          id desc
        limit
          (
            select
              101
          )
      ) as "posts"
    order by
      created_at desc,
      id desc
    limit
      101
  ) as "posts"
order by
  "posts"."created_at" desc,
  "posts"."id" desc
limit
  $2;

-- PostRepository.update
update "posts"
set
  "title" = $1
where
  "user_id" = $2
  and "id" = $3
returning
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at";

-- PostRepository.delete
delete from "posts"
where
  "user_id" = $1
  and "id" = $2;

-- PostRepository.exactLocation
select
  "location"
from
  "post_locations"
where
  "user_id" = $1
  and "post_id" = $2;

-- PostRepository.setExactLocation
insert into
  "post_locations" ("user_id", "post_id", "location")
values
  ($1, $2, $3)
on conflict ("user_id", "post_id") do update
set
  "location" = "excluded"."location";

-- PostReactionRepository.like
select
  public.like_post ($1) as likes_count;

-- PostReactionRepository.unlike
select
  public.unlike_post ($1) as unliked;

-- PostReactionRepository.likes
select
  "post_likes"."user_id",
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  "post_likes"."created_at",
  post_likes.created_at::text as "sort_key"
from
  (
    select
      *
    from
      (
        select
          *
        from
          "post_likes"
        where
          post_id = $1
        order by
          created_at desc,
          user_id desc
        limit
          (
            select
              101
          )
      ) as "post_likes"
    order by
      created_at desc,
      user_id desc
    limit
      101
  ) as "post_likes"
  left join "public_profiles" on "public_profiles"."id" = "post_likes"."user_id"
order by
  "post_likes"."created_at" desc,
  "post_likes"."user_id" desc
limit
  $2;

-- PostReactionRepository.comment
select
  *
from
  public.comment_on_post ($1, $2, $3);

-- PostReactionRepository.comments
select
  "post_comments".*,
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  post_comments.created_at::text as "sort_key"
from
  (
    select
      *
    from
      (
        select
          *
        from
          "post_comments"
        where
          post_id = $1
        order by
          created_at,
          id
        limit
          (
            select
              101
          )
      ) as "post_comments"
    order by
      created_at,
      id
    limit
      101
  ) as "post_comments"
  left join "public_profiles" on "public_profiles"."id" = "post_comments"."user_id"
order by
  "post_comments"."created_at",
  "post_comments"."id"
limit
  $2;

-- PostReactionRepository.editComment
update "post_comments"
set
  "content" = $1
where
  "user_id" = $2
  and "id" = $3
returning
  *;

-- PostReactionRepository.deleteComment
select
  public.delete_comment ($1) as deleted;

-- ModerationRepository.posts
select
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at",
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  posts.created_at::text as "sort_key"
from
  (
    select
      *
    from
      (
        select
          *
        from
          "posts"
        where
          posts.visibility <> 'private'
        order by
          created_at desc,
          id desc
        limit
          (
            select
              101
          )
      ) as "posts"
    order by
      created_at desc,
      id desc
    limit
      101
  ) as "posts"
  left join "public_profiles" on "public_profiles"."id" = "posts"."user_id"
order by
  "posts"."created_at" desc,
  "posts"."id" desc
limit
  $1;

-- ModerationRepository.comments
select
  "post_comments".*,
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  post_comments.created_at::text as "sort_key"
from
  (
    select
      *
    from
      (
        select
          *
        from
          "post_comments"
        where
          post_visibility <> 'private'
        order by
          created_at desc,
          id desc
        limit
          (
            select
              101
          )
      ) as "post_comments"
    order by
      created_at desc,
      id desc
    limit
      101
  ) as "post_comments"
  left join "public_profiles" on "public_profiles"."id" = "post_comments"."user_id"
order by
  "post_comments"."created_at" desc,
  "post_comments"."id" desc
limit
  $1;

-- ModerationRepository.findPost
select
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at",
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  posts.created_at::text as "sort_key"
from
  posts as "posts"
  left join "public_profiles" on "public_profiles"."id" = "posts"."user_id"
where
  "posts"."id" = $1
  and "posts"."visibility" <> 'private';

-- ModerationRepository.findComment
select
  "post_comments".*,
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  post_comments.created_at::text as "sort_key"
from
  post_comments as "post_comments"
  left join "public_profiles" on "public_profiles"."id" = "post_comments"."user_id"
where
  "post_comments"."id" = $1
  and "post_comments"."post_visibility" <> 'private';

-- ModerationRepository.removePost
delete from "posts"
where
  "id" = $1
  and "visibility" <> 'private';

-- ModerationRepository.removeComment
select
  public.delete_comment ($1) as deleted;

-- PublicProfileRepository.find
select
  "id",
  "full_name",
  "avatar_url"
from
  "public_profiles"
where
  "id" = $1;

-- PublicProfileRepository.get
select
  "id",
  "full_name",
  "avatar_url"
from
  "public_profiles"
where
  "id" = $1;

-- PublicProfileRepository.findMany
select
  "id",
  "full_name",
  "avatar_url"
from
  "public_profiles"
where
  "id" = any ($1::uuid[]);

-- ProfileRepository.me
select
  *
from
  "profiles"
where
  "id" = $1;

-- ProfileRepository.update
update "profiles"
set
  "full_name" = $1
where
  "id" = $2
returning
  *;

-- ProfileRepository.updatePreferences
update "profiles"
set
  "preferences" = public.jsonb_merge_patch (preferences, $1::jsonb)
where
  "id" = $2
returning
  *;

-- ProfileRepository.erase
delete from "profiles"
where
  "id" = $1;

-- ProfileRepository.financialSummary
select
  *
from
  "user_financial_summary"
where
  "user_id" = $1;

-- ProfileRepository.activity
select
  public.get_user_activity ($1, $2) as activity;

-- FriendRepository.list
select
  "friendships"."friend_id",
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  "friendships"."status",
  "friendships"."created_at",
  friendships.created_at::text as "sort_key"
from
  (
    select
      *
    from
      (
        select
          *
        from
          "friendships"
        where
          user_id = $1
        order by
          created_at desc,
          friend_id desc
        limit
          (
            select
              101
          )
      ) as "friendships"
    order by
      created_at desc,
      friend_id desc
    limit
      101
  ) as "friendships"
  left join "public_profiles" on "public_profiles"."id" = "friendships"."friend_id"
order by
  "friendships"."created_at" desc,
  "friendships"."friend_id" desc
limit
  $2;

-- FriendRepository.find
select
  "friendships"."friend_id",
  "public_profiles"."full_name",
  "public_profiles"."avatar_url",
  "friendships"."status",
  "friendships"."created_at"
from
  friendships as "friendships"
  left join "public_profiles" on "public_profiles"."id" = "friendships"."friend_id"
where
  "friendships"."user_id" = $1
  and "friendships"."friend_id" = $2;

-- FriendRepository.mutual
select
  *
from
  public.mutual_friends ($1, $2::uuid, $3);

-- FriendRepository.request
select
  *
from
  public.request_friend ($1);

-- FriendRepository.accept
select
  *
from
  public.accept_friend ($1);

-- FriendRepository.decline
select
  public.decline_friend_request ($1) as declined;

-- FriendRepository.cancel
select
  public.cancel_friend_request ($1) as cancelled;

-- FriendRepository.remove
select
  public.remove_friend ($1) as removed;

-- FriendRepository.block
select
  public.block_user ($1);

-- FriendRepository.unblock
select
  public.unblock_user ($1) as unblocked;

-- FriendRepository.blocked
select
  *,
  created_at::text as sort_key
from
  public.blocked_users ($1::timestamptz, $2::uuid, $3);

-- PamRepository.startConversation
insert into
  "pam_conversations" ("session_id", "user_id")
values
  ($1, $2)
on conflict do nothing
returning
  *;

-- PamRepository.find
select
  *
from
  "pam_conversations"
where
  "user_id" = $1
  and "id" = $2;

-- PamRepository.get
select
  *
from
  "pam_conversations"
where
  "user_id" = $1
  and "id" = $2;

-- PamRepository.list
select
  *,
  created_at::text as "sort_key"
from
  "pam_conversations"
where
  "user_id" = $1
order by
  "created_at" desc,
  "id" desc
limit
  $2;

-- PamRepository.archive
update "pam_conversations"
set
  "status" = $1
where
  "user_id" = $2
  and "id" = $3
returning
  *;

-- PamRepository.unarchive
update "pam_conversations"
set
  "status" = $1
where
  "user_id" = $2
  and "id" = $3
returning
  *;

-- PamRepository.delete
delete from "pam_conversations"
where
  "user_id" = $1
  and "id" = $2;

-- PamRepository.appendMessage
with
  "locked" as (
    select
      "id"
    from
      "pam_conversations"
    where
      "user_id" = $1
      and "id" = $2
    for no key update
  )
insert into
  "pam_messages" ("user_id", "conversation_id", "id", "role", "content", "metadata")
select
  $3::uuid,
  $4::uuid,
  input.id,
  input.role,
  input.content,
  input.metadata
from
  rows
from
  (jsonb_to_recordset($5::jsonb) as (id uuid, role text, content text, metadata jsonb)) with ordinality as input (id, role, content, metadata, place)
where
  (
    select
      count(*)
    from
      locked
  ) >= 0
order by
  input.place
on conflict do nothing
returning
  *;

-- PamRepository.history
select
  *
from
  "pam_messages"
where
  "user_id" = $1
  and "conversation_id" = $2
order by
  "position" desc
limit
  21;

-- PamRepository.recent
with recursive
  newest as (
    select
      message,
      char_length((message).content) as characters
    from
      (
        select
          m as message
        from
          public.pam_messages as m
        where
          m.user_id = $1
          and m.conversation_id = $2
        order by
          m.position desc
        limit
          1
      ) as last
    union all
    select
      older.message,
      newest.characters + char_length((older.message).content)
    from
      newest
      cross join lateral (
        select
          m as message
        from
          public.pam_messages as m
        where
          m.user_id = $3
          and m.conversation_id = $4
          and m.position < (newest.message).position
        order by
          m.position desc
        limit
          1
      ) as older
    where
      newest.characters + char_length((older.message).content) <= $5
  )
select
  (message).*
from
  newest
where
  characters <= $6
order by
  (message).position;

-- PamRepository.search
select
  *
from
  public.search_messages ($1, $2, $3, $4, $5);

-- ServicePamRepository.mergeContext
update "pam_conversations"
set
  "context" = public.jsonb_merge_patch (context, $1::jsonb)
where
  "user_id" = $2
  and "id" = $3
returning
  *;

-- FeedbackRepository.giveFeedback
insert into
  "pam_feedback" ("user_id", "message_id", "rating", "thumbs_up", "feedback_text", "feedback_type", "metadata")
values
  ($1, $2, $3, $4, $5, $6, $7)
on conflict ("user_id", "message_id", "feedback_type") do update
set
  "rating" = "excluded"."rating",
  "thumbs_up" = "excluded"."thumbs_up",
  "feedback_text" = "excluded"."feedback_text",
  "metadata" = "excluded"."metadata"
returning
  *;

-- FeedbackRepository.listFeedback
select
  *,
  created_at::text as "sort_key"
from
  "pam_feedback"
where
  "user_id" = $1
order by
  "created_at" desc,
  "id" desc
limit
  $2;

-- FeedbackRepository.feedbackStatistics
select
  feedback_type,
  starts_on,
  count(*)::integer as count,
  round(avg(rating), 2)::double precision as average_rating,
  array[
    count(*) filter (
      where
        rating = 1
    )::integer,
    count(*) filter (
      where
        rating = 2
    )::integer,
    count(*) filter (
      where
        rating = 3
    )::integer,
    count(*) filter (
      where
        rating = 4
    )::integer,
    count(*) filter (
      where
        rating = 5
    )::integer
  ] as ratings,
  count(*) filter (
    where
      thumbs_up
  )::integer as thumbs_up,
  count(*) filter (
    where
      not thumbs_up
  )::integer as thumbs_down
from
  (
    select
      feedback_type,
      rating,
      thumbs_up,
      date_trunc(
        $1,
        created_at at time zone(
          select
            timezone
          from
            public.profiles
          where
            id = $2
        )
      )::date as starts_on
    from
      public.pam_feedback
    where
      user_id = $3
      and created_at >= $4::date::timestamp at time zone(
        select
          timezone
        from
          public.profiles
        where
          id = $5
      )
      and created_at < ($6::date + 1)::timestamp at time zone(
        select
          timezone
        from
          public.profiles
        where
          id = $7
      )
  ) as given
group by
  grouping sets ((), (feedback_type), (starts_on))
order by
  feedback_type,
  starts_on;

-- FeedbackRepository.deleteFeedback
delete from "pam_feedback"
where
  "user_id" = $1
  and "id" = $2;

-- FeedbackReader.list
select
  *,
  created_at::text as "sort_key"
from
  "pam_feedback"
order by
  "created_at" desc,
  "id" desc
limit
  $1;

-- FeedbackReader.statistics
select
  feedback_type,
  starts_on,
  count(*)::integer as count,
  round(avg(rating), 2)::double precision as average_rating,
  array[
    count(*) filter (
      where
        rating = 1
    )::integer,
    count(*) filter (
      where
        rating = 2
    )::integer,
    count(*) filter (
      where
        rating = 3
    )::integer,
    count(*) filter (
      where
        rating = 4
    )::integer,
    count(*) filter (
      where
        rating = 5
    )::integer
  ] as ratings,
  count(*) filter (
    where
      thumbs_up
  )::integer as thumbs_up,
  count(*) filter (
    where
      not thumbs_up
  )::integer as thumbs_down
from
  (
    select
      feedback_type,
      rating,
      thumbs_up,
      date_trunc($1, created_at at time zone 'UTC')::date as starts_on
    from
      public.pam_feedback
    where
      true
      and created_at >= $2::date::timestamp at time zone 'UTC'
      and created_at < ($3::date + 1)::timestamp at time zone 'UTC'
  ) as given
group by
  grouping sets ((), (feedback_type), (starts_on))
order by
  feedback_type,
  starts_on;

-- AccountRepository.find
select
  *
from
  "profiles"
where
  "id" = $1;

-- AccountRepository.get
select
  *
from
  "profiles"
where
  "id" = $1;

-- AccountRepository.findByEmail
select
  *
from
  "profiles"
where
  "email" = lower($1);

-- AccountRepository.list
select
  *,
  created_at::text as "sort_key"
from
  "profiles"
where
  "status" = 'suspended'
order by
  "created_at" desc,
  "id" desc
limit
  $1;

-- AccountRepository.setRole
update "profiles"
set
  "role" = $1
where
  "id" = $2
returning
  *;

-- AccountRepository.setStatus
update "profiles"
set
  "status" = $1
where
  "id" = $2
returning
  *;

-- AccountRepository.erase
delete from "profiles"
where
  "id" = $1;

-- ExpenseRepository.createMany
insert into
  "expenses" (
    "user_id",
    "id",
    "trip_id",
    "amount",
    "currency",
    "category",
    "description",
    "date",
    "location",
    "receipt_url",
    "tags",
    "metadata",
    "import_key"
  )
select
  $1::uuid,
  input.*
from
  (
    select
      *
    from
      jsonb_to_recordset($2::jsonb) as input (
        id uuid,
        trip_id uuid,
        amount numeric,
        currency text,
        category text,
        description text,
        date date,
        location text,
        receipt_url text,
        tags text[],
        metadata jsonb,
        import_key uuid
      )
  ) as input
returning
  "id",
  "user_id",
  "trip_id",
  "amount",
  "currency",
  "category",
  "description",
  "date",
  "location",
  "receipt_url",
  "tags",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- IncomeRepository.createMany
insert into
  "income_entries" (
    "user_id",
    "id",
    "amount",
    "currency",
    "source",
    "description",
    "date",
    "type",
    "frequency",
    "ends_on",
    "metadata"
  )
select
  $1::uuid,
  input.*
from
  jsonb_to_recordset($2::jsonb) as input (
    id uuid,
    amount numeric,
    currency text,
    source text,
    description text,
    date date,
    type text,
    frequency text,
    ends_on date,
    metadata jsonb
  )
order by
  id
on conflict do nothing
returning
  "id",
  "user_id",
  "amount",
  "currency",
  "source",
  "description",
  "date",
  "type",
  "frequency",
  "ends_on",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- BudgetRepository.createMany
insert into
  "budgets" ("user_id", "id", "trip_id", "category", "amount", "currency", "period", "starts_on")
select
  $1::uuid,
  input.*
from
  jsonb_to_recordset($2::jsonb) as input (id uuid, trip_id uuid, category text, amount numeric, currency text, period text, starts_on date)
order by
  id
on conflict do nothing
returning
  "id",
  "user_id",
  "trip_id",
  "category",
  "amount",
  "currency",
  "period",
  "starts_on",
  "version",
  "created_at",
  "updated_at";

-- PlaceRepository.createMany
insert into
  "places" ("user_id", "id", "trip_id", "name", "kind", "location", "rating", "notes", "tags")
select
  $1::uuid,
  input.*
from
  jsonb_to_recordset($2::jsonb) as input (
    id uuid,
    trip_id uuid,
    name text,
    kind text,
    location jsonb,
    rating integer,
    notes text,
    tags text[]
  )
order by
  id
on conflict do nothing
returning
  "id",
  "user_id",
  "trip_id",
  "name",
  "kind",
  "location",
  "rating",
  "notes",
  "tags",
  "version",
  "created_at",
  "updated_at";

-- TripRepository.createMany
insert into
  "trips" (
    "user_id",
    "id",
    "name",
    "description",
    "start_date",
    "end_date",
    "status",
    "budget_total",
    "currency",
    "route_data",
    "destinations",
    "metadata"
  )
select
  $1::uuid,
  input.*
from
  jsonb_to_recordset($2::jsonb) as input (
    id uuid,
    name text,
    description text,
    start_date date,
    end_date date,
    status text,
    budget_total numeric,
    currency text,
    route_data jsonb,
    destinations jsonb,
    metadata jsonb
  )
order by
  id
on conflict do nothing
returning
  "id",
  "user_id",
  "name",
  "description",
  "start_date",
  "end_date",
  "status",
  "budget_total",
  "budget_spent",
  "spent_by_currency",
  "expense_count",
  "currency",
  "route_data",
  "destinations",
  "metadata",
  "version",
  "created_at",
  "updated_at";

-- PostRepository.createMany
insert into
  "posts" (
    "user_id",
    "id",
    "trip_id",
    "title",
    "content",
    "images",
    "location",
    "tags",
    "visibility",
    "metadata"
  )
select
  $1::uuid,
  input.*
from
  jsonb_to_recordset($2::jsonb) as input (
    id uuid,
    trip_id uuid,
    title text,
    content text,
    images text[],
    location jsonb,
    tags text[],
    visibility text,
    metadata jsonb
  )
order by
  id
on conflict do nothing
returning
  "posts"."id",
  "posts"."user_id",
  "posts"."trip_id",
  "posts"."title",
  "posts"."content",
  "posts"."images",
  "posts"."location",
  "posts"."tags",
  "posts"."likes_count",
  "posts"."comments_count",
  "posts"."visibility",
  "posts"."metadata",
  "posts"."version",
  "posts"."created_at",
  "posts"."updated_at";

-- PamRepository.appendMessages
with
  "locked" as (
    select
      "id"
    from
      "pam_conversations"
    where
      "user_id" = $1
      and "id" = $2
    for no key update
  )
insert into
  "pam_messages" ("user_id", "conversation_id", "id", "role", "content", "metadata")
select
  $3::uuid,
  $4::uuid,
  input.id,
  input.role,
  input.content,
  input.metadata
from
  rows
from
  (jsonb_to_recordset($5::jsonb) as (id uuid, role text, content text, metadata jsonb)) with ordinality as input (id, role, content, metadata, place)
where
  (
    select
      count(*)
    from
      locked
  ) >= 0
order by
  input.place
on conflict do nothing
returning
  *;

-- ExpenseRepository.importCsv
with
  "input" as (
    select
      *
    from
      jsonb_to_recordset($1::jsonb) as input (
        id uuid,
        trip_id uuid,
        amount numeric,
        currency text,
        category text,
        description text,
        date date,
        location text,
        receipt_url text,
        tags text[],
        metadata jsonb,
        import_key uuid
      )
  ),
  "locked" as (
    select
      "id"
    from
      "trips"
    where
      "user_id" = $2
      and "id" = any (
        array(
          select
            trip_id
          from
            input
          where
            (
              select
                e.id
              from
                expenses e
              where
                e.user_id = $3
                and e.id = input.id
            ) is null
            and (
              select
                e.id
              from
                expenses e
              where
                e.user_id = $4
                and e.import_key = input.import_key
            ) is null
        )
      )
    order by
      "id"
    for no key update
  )
insert into
  "expenses" (
    "user_id",
    "id",
    "trip_id",
    "amount",
    "currency",
    "category",
    "description",
    "date",
    "location",
    "receipt_url",
    "tags",
    "metadata",
    "import_key"
  )
select
  $5::uuid,
  input.*
from
  input
where
  (
    select
      count(*)
    from
      locked
  ) >= 0
order by
  coalesce(import_key, id)
on conflict do nothing
returning
  "id";
