-- What becomes of alerts and of requests, counted in the step that does it: for `notifier metrics`, which reads fields
-- by their names (counters.py), and by quarters of an hour for plots.
--
-- names: { counters (hash), quarters (followed by the second since 1970 at which a quarter begins: hash with the same
--   fields), bounds (microseconds, rising: of a histogram of latencies) }
-- counts: a table, how often by field; the parts of a field are set off by '|'
-- now, latency: microseconds
--
-- count_one(counts, field)                     one more of these
-- count_end(counts, type, status, reason)       one alert of this type has ended in this way
-- count_latency(counts, names, type, latency)   one was delivered so long after it was due
-- count_up(names, now, counts)                  adds all counts
-- count_ended(names, now, type, status, reason)  the same of the one alert that a step has ended

local QUARTER = 15 * MINUTE
local ABSORBED = { folded = true, repeated = true, not_open = true, silenced = true, withdrawn = true }

local function count_one(counts, field)
  counts[field] = (counts[field] or 0) + 1
end

local function count_end(counts, type, status, reason)
  if status == 'delivered' then
    count_one(counts, 'delivered|' .. type)
  elseif ABSORBED[status] then
    count_one(counts, 'absorbed|' .. type .. '|' .. status)
  else
    count_one(counts, 'failed|' .. type .. '|' .. reason)
  end
end

local function count_latency(counts, names, type, latency)
  latency = math.max(0, latency) -- the clock may have stepped back
  local bound = 'inf'
  for _, each in ipairs(names.bounds) do
    if latency <= each then
      bound = string.format('%.0f', each)
      break
    end
  end
  count_one(counts, 'latency|' .. type .. '|' .. bound)
  local sum = 'latency_sum|' .. type
  counts[sum] = (counts[sum] or 0) + latency
end

-- In small letters, or the cache (cache.lua) would read all fields for these few. Returns whether none was there: the
-- hash may be new.
local function add_counts(key, counts)
  local fields, written, is_first = {}, {}, true
  for field in pairs(counts) do table.insert(fields, field) end
  for at, before in ipairs(redis.call('hmget', key, unpack(fields))) do
    is_first = is_first and not before
    table.insert(written, fields[at])
    table.insert(written, string.format('%.0f', (tonumber(before) or 0) + counts[fields[at]]))
  end
  redis.call('hset', key, unpack(written))
  return is_first
end

local function count_up(names, now, counts)
  if not next(counts) then return end
  local quarter = names.quarters .. string.format('%.0f', (now - now % QUARTER) / SECOND)
  local is_first, begins = add_counts(names.counters, counts), add_counts(quarter, counts)
  if is_first or begins then redis.call('pexpire', names.counters, LIFE_MS) end
  if begins then redis.call('expire', quarter, 25 * HOUR / SECOND) end -- a day, and the quarter that it began in
end

local function count_ended(names, now, type, status, reason)
  local counts = {}
  count_end(counts, type, status, reason)
  count_up(names, now, counts)
end
