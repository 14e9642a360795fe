-- The record of a notification that has ended: stored as Celery's result, published for those who wait, indexed.
-- Functions: iso_time, dated, store_record, add_by_time, index_record, shorten_ended, keep_dead_letter.
-- Times are microseconds since 1970, lives are seconds.

-- A time as text, as Python's isoformat() writes it. The date is worked out by Howard Hinnant's civil_from_days.
local function iso_time(us)
  local seconds = math.floor(us / SECOND)
  local days, rest = math.floor(seconds / 86400), seconds % 86400
  local shifted = days + 719468 -- days since 0000-03-01
  local era = math.floor(shifted / 146097)
  local day_of_era = shifted - era * 146097
  local year_of_era = math.floor((day_of_era - math.floor(day_of_era / 1460) + math.floor(day_of_era / 36524)
    - math.floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
  local month = math.floor((5 * day_of_year + 2) / 153) -- 0 is March
  local day = day_of_year - math.floor((153 * month + 2) / 5) + 1
  local year = year_of_era + era * 400 + (month >= 10 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00', year, month < 10 and month + 3 or month - 9, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, us % SECOND)
end

-- `stamp` stands in a text for the time, which is known only here.
local function dated(text, stamp, now)
  return (string.gsub(text, stamp, iso_time(now)))
end

-- As Celery's Redis backend does it; `result` is the whole result (JSON), as record.py writes it.
local function store_record(result_key, result, stamp, now, life)
  result = dated(result, stamp, now)
  redis.call('SET', result_key, result, 'EX', life)
  redis.call('PUBLISH', result_key, result)
end

-- The newest of a set of ids by time. After Redis' clock has stepped back, those that are dated in the future count as
-- now, in their order: else they would be the newest for as long, and this one the oldest, which is dropped first.
local is_redated = {} -- sets in which nothing is dated in the future any more
local function add_by_time(key, now, id)
  if not is_redated[key] then
    local ahead = redis.call('ZRANGEBYSCORE', key, string.format('(%.0f', now), '+inf')
    for position, each in ipairs(ahead) do redis.call('ZADD', key, now - 1 - #ahead + position, each) end
    is_redated[key] = true
  end
  redis.call('ZADD', key, now, id)
end

-- `history` is the key of the type's index; `status` names the one of those that ended in this way.
local function index_record(history, status, id, now, life)
  for _, key in ipairs({ history, history .. ':' .. status }) do
    add_by_time(key, now, id)
    redis.call('EXPIRE', key, life)
  end
end

-- The hash of one that has ended and is no dead letter, made anew of what is asked for later: once a text of more than
-- `SHORT` bytes was in a hash, Redis keeps it in a form that takes three times as much memory.
-- `event`: that it ends. The events of one that was delivered by its first batch become `carried`: how many others were
-- in that, when it was claimed, and what had been waited for until then (JSON).
local function shorten_ended(notification, event, now)
  local SHORT = 64 -- Redis' hash-max-listpack-value
  local flat, fields = redis.call('HGETALL', notification), {}
  for at = 1, #flat, 2 do fields[flat[at]] = flat[at + 1] end
  local events = cjson.decode(fields.trail or '[]')
  local claim, said = events[1] or {}, event.reason .. event.detail
  if #events == 1 and claim.step == 'batch' and event.status == 'delivered' and said == '' then
    fields.carried = string.format('%d %.0f %s', claim.with, claim.at, cjson.encode(claim.waited))
  end
  if #(fields.carried or '') > SHORT then fields.carried = nil end
  if not fields.carried then add_event(notification, event) end
  fields.trail = not fields.carried and redis.call('HGET', notification, 'trail') or nil
  for _, of_waiting in ipairs({ 'message', 'share', 'characters', 'sequence', 'version', 'attempts', 'seen_at',
    'received' }) do fields[of_waiting] = nil end
  fields.finished_at, fields.status = now, event.status
  local kept = {}
  for name, value in pairs(fields) do
    table.insert(kept, name)
    table.insert(kept, value)
  end
  redis.call('DEL', notification)
  redis.call('HSET', notification, unpack(kept))
end

-- `args`: notification_prefix, result_prefix, dead_letters_prefix, history_life, dead_letter_life, dead_letters_max,
--   stamp
-- `item`: id, type, reason, record (JSON)
local function keep_dead_letter(args, troubles, item, now)
  local notification = args.notification_prefix .. item.id
  local dead_letters = args.dead_letters_prefix .. item.type
  -- also here: AsyncResult.forget() must not delete what is to be replayed, and version 0.1 reads it here
  redis.call('HSET', notification, 'record', dated(item.record, args.stamp, now))
  redis.call('EXPIRE', notification, args.dead_letter_life)
  add_by_time(dead_letters, now, item.id)
  redis.call('EXPIRE', dead_letters, args.dead_letter_life)
  redis.call('ZREMRANGEBYSCORE', dead_letters, '-inf', now - args.dead_letter_life * SECOND)
  report_trouble(troubles, 'dead_letters', item.type, item.reason)
  local oldest = redis.call('ZRANGE', dead_letters, 0, -args.dead_letters_max - 1)
  for _, id in ipairs(oldest) do
    redis.call('ZREM', dead_letters, id)
    redis.call('HDEL', args.notification_prefix .. id, 'whole', 'given')
    redis.call('EXPIRE', args.notification_prefix .. id, args.history_life)
    redis.call('EXPIRE', args.result_prefix .. id, args.history_life)
  end
  if #oldest > 0 then report_trouble(troubles, 'dead_letters_dropped', item.type, '', #oldest) end
end
