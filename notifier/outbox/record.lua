-- The record of a notification that has ended: stored as Celery's result, published for those who wait, indexed.
-- Functions: iso_time, filled_in, dated, store_record, add_by_time, index_record, shorten_ended, keep_dead_letter.
-- Times are microseconds since 1970, lives are seconds.

-- A time as text, as Python's isoformat() writes it. The date is worked out by Howard Hinnant's civil_from_days.
local told = {} -- the last one: a step tells nearly always its own time
local function iso_time(us)
  if told.us == us then return told.text end
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
  month = month < 10 and month + 3 or month - 9
  told.us, told.text = us, string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, us % SECOND)
  return told.text
end

-- A text with `value` wherever `place` stands in it. (string.gsub would try a pattern at each letter.)
local function filled_in(text, place, value)
  local pieces, from = {}, 1
  repeat
    local first, last = string.find(text, place, from, true)
    table.insert(pieces, string.sub(text, from, (first or 0) - 1))
    if first then table.insert(pieces, value) end
    from = (last or 0) + 1
  until not first
  return table.concat(pieces)
end

-- `stamp` stands in a text for the time, which is known only here.
local function dated(text, stamp, now)
  return filled_in(text, stamp, iso_time(now))
end

-- As Celery's Redis backend does it; `result` is the whole result (JSON), as record.py writes it.
local function store_record(result_key, result, stamp, now, life)
  result = dated(result, stamp, now)
  redis.call('SET', result_key, result, 'EX', life)
  redis.call('PUBLISH', result_key, result)
end

-- The newest of a set of ids by time. After Redis' clock has stepped back, those that are dated in the future count as
-- now, in their order: else they would be the newest for as long, and this one the oldest, which is dropped first.
-- Returns whether it is the first of this minute, so that the life of the set is to begin anew.
local is_redated = {} -- sets in which nothing is dated in the future any more
local function add_by_time(key, now, id)
  local is_first = false
  if not is_redated[key] then
    local newest = tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]) or 0
    local is_ahead = newest > now
    is_first = is_ahead or math.floor(newest / MINUTE) ~= math.floor(now / MINUTE)
    local ahead = is_ahead and redis.call('ZRANGEBYSCORE', key, string.format('(%.0f', now), '+inf') or {}
    for position, each in ipairs(ahead) do redis.call('ZADD', key, now - 1 - #ahead + position, each) end
    is_redated[key] = true
  end
  redis.call('ZADD', key, now, id)
  return is_first
end

-- `history` is the key of the type's index; `status` names the one of those that ended in this way.
local function index_record(history, status, id, now, life)
  for _, key in ipairs({ history, history .. ':' .. status }) do
    if add_by_time(key, now, id) then redis.call('EXPIRE', key, life) end
  end
end

-- The hash of one that has ended and is no dead letter, made anew of what is asked for later: once a text of more than
-- `SHORT` bytes was in a hash, Redis keeps it in a form that takes three times as much memory.
-- `claim`: the event that it was claimed, if that is known; `event`: that it ends. Of one that was delivered by its
-- first batch these become `carried`: how many others were in that, when it was claimed, and what had been waited for
-- until then (JSON).
local OF_WAITING = { 'message', 'share', 'characters', 'sequence', 'version', 'attempts', 'seen_at', 'received',
  'carried' }
local function shorten_ended(notification, claim, event, now)
  local SHORT = 64 -- Redis' hash-max-listpack-value
  local trail = redis.call('HGET', notification, 'trail')
  local carried
  if claim and not trail and event.status == 'delivered' and event.reason .. event.detail == '' then
    local waited = next(claim.waited) and cjson.encode(claim.waited) or '{}'
    carried = string.format('%d %.0f %s', claim.with, claim.at, waited)
  end
  if not carried or #carried > SHORT then
    carried = nil
    if claim then add_event(notification, claim) end
    add_event(notification, event)
  end
  redis.renew(notification, OF_WAITING, { carried = carried, finished_at = now, status = event.status })
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
