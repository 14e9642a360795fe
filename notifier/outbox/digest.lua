-- Admit the digest of what was folded, in the place of what it was made of: if there is room for a whole batch, or it
-- has waited long enough; and never a second one while one waits (the outbox then holds one more than its bound).
-- KEYS: 1 notification (the digest's), 2 waiting, 3 delayed, 4 in_flight, 5 state, 6 digest, 7 sequence, 8 memory,
--       9 run, 10 workers
-- ARGV: 1 (JSON): id (if fold.lua has given none), alert_type, batch_key, notification_prefix, capacity, room (places
--         that a batch needs), late (microseconds), life (ms), titles_shown (lines of the text), characters_max (of one
--         that is not sent alone), severity, lease, witness (microseconds)
-- Returns 1, or 0: there is none, no room, one waits already, or workers have still to commit again what Redis forgot.
local NOTIFICATION, WAITING, STATE, DIGEST, SEQUENCE = KEYS[1], KEYS[2], KEYS[5], KEYS[6], KEYS[7]
local RUN, WORKERS = KEYS[9], KEYS[10]
local args = cjson.decode(ARGV[1])
local now = now_us()

local function one_waits()
  local last = redis.call('HGET', STATE, 'digest')
  return last and redis.call('HEXISTS', args.notification_prefix .. last, 'message') == 1
end

-- The folded alerts by title, most frequent first; how many have none of those; how many there are in all.
local function counts(fields)
  local titles, others, total = {}, tonumber(fields.others or 0), tonumber(fields.others or 0)
  for field, count in pairs(fields) do
    local title = string.match(field, '^title:(.*)$')
    if title then
      table.insert(titles, { title = title, count = tonumber(count) })
      total = total + tonumber(count)
    end
  end
  table.sort(titles, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.title < b.title
  end)
  return titles, others, total
end

local function text_of(titles, others)
  local lines = {}
  for position, each in ipairs(titles) do
    if position <= args.titles_shown then
      table.insert(lines, each.count .. ' × ' .. each.title)
    else
      others = others + each.count
    end
  end
  if others > 0 then table.insert(lines, others .. ' × others') end
  return table.concat(lines, '\n')
end

local function moment(us)
  return string.gsub(string.sub(iso_time(tonumber(us)), 1, 19), 'T', ' ') .. ' UTC'
end

-- Discord counts code points: bytes that do not continue one.
local function characters(...)
  local sum = 0
  for _, text in ipairs({ ... }) do sum = sum + select(2, string.gsub(text, '[^\128-\191]', '')) end
  return sum
end

local function digest_hash()
  local fields, flat = {}, redis.call('HGETALL', DIGEST)
  for at = 1, #flat, 2 do fields[flat[at]] = flat[at + 1] end
  return fields
end

local fields = digest_hash()
if next(fields) == nil or one_waits() or reconciling_wait(RUN, now, args.witness) > 0 then return 0 end
for _, field in ipairs({ 'first_at', 'last_at' }) do -- a field that is gone, or that a clock ahead has dated, is now
  fields[field] = math.min(tonumber(fields[field]) or now, now)
  redis.call('HSET', DIGEST, field, fields[field])
end
local room = args.capacity - outbox_size(KEYS[2], KEYS[3], KEYS[4])
if room < args.room and now - fields.first_at <= args.late then return 0 end
-- Whether a worker that died with Redis may have posted it: it was there before this run.
local function is_of_one_missed()
  local since, last_beat = unpack(redis.call('HMGET', RUN, 'since', 'last_beat'))
  return since and tonumber(fields.first_at) < tonumber(since) and is_one_missed(WORKERS, since, last_beat, args.lease)
end

-- Those that were folded name it, unless workers of version 0.2 folded them. If it is there, it was admitted, and Redis
-- has forgotten that.
local named = fields.id and args.notification_prefix .. fields.id
local is_known = named and redis.call('EXISTS', named) == 1
if named and not is_known then args.id, NOTIFICATION = fields.id, named end

local titles, others, total = counts(fields)
local title, text = total .. ' more', text_of(titles, others)
local first, last = moment(fields.first_at), moment(fields.last_at)
local message = { id = args.id, alert_type = args.alert_type, title = title, message = text, severity = args.severity,
  timestamp = iso_time(now), fields = { { name = 'First', value = first, inline = true },
    { name = 'Last', value = last, inline = true } } }
local load = characters(title, text, 'First', first, 'Last', last)
local batch_key = load <= args.characters_max and args.batch_key or '' -- version 0.1 folded titles of any length
local sequence = next_sequence(SEQUENCE, now)
redis.call('HSET', NOTIFICATION, 'message', cjson.encode(message), 'share', batch_key, 'characters', load, 'sequence',
  sequence, 'attempts', 0, 'admitted_at', now)
if is_known or is_of_one_missed() then redis.call('HSET', NOTIFICATION, 'unknown', 'worker_lost') end
redis.call('ZADD', WAITING, sequence, args.id)
redis.call('HDEL', KEYS[8], 'size:' .. args.alert_type)
redis.call('HSET', STATE, 'digest', args.id)
redis.call('DEL', DIGEST)
for _, key in ipairs({ NOTIFICATION, WAITING, STATE, SEQUENCE }) do redis.call('PEXPIRE', key, args.life) end
return 1
