-- The bytes that wait in all outboxes: their messages and what hangs on them. They are counted anew whenever something
-- would not fit. In between, what is admitted is added, and nothing is taken off: so the count is never too low by what
-- leaves an outbox in any way (a worker of version 0.2, a key that expires), and never too high where it matters.
-- memory (hash): bytes by alert type, total, counted_at (microseconds), count (of notifications),
--   renewed:TYPE (admit.lua has renewed the lives of its outbox since they were counted),
--   size:TYPE (how many its outbox held when admit.lua counted them last, and how many it has taken since; whatever
--   else comes into an outbox takes this field away. Version 0.2 does not: while its callers run beside these, an
--   outbox may take up to twice its bound until the count is made anew, after a minute)
-- roomy: a total of bytes that fits, whichever types have them; so far, nothing else need be looked at
-- args (JSON): types, type (of the one that comes), sets (names of an outbox' sets, with %s for the type),
--   partitions (partition.lua; likewise),
--   notification_prefix, bytes_max, reserve (bytes of each type that no other type can take)
-- Functions: memory_has_room, memory_add; and for an alert that comes into the outbox of this type and partition
-- memory_room(memory, type, partition)  returns what is known: { total, own (of the type), size, renewed }; what is not
--                                       known is more than fits
-- memory_take(memory, room, bytes, size, now)   adds it; size: how many the outbox holds without it

local PAGE = 1000
local COUNT_LIFE = 60000 -- milliseconds; a longer one for many: it bounds how long a count may be wrong, and its cost
local COUNT_FREELY = 1000 -- so many are counted in less than a millisecond
local COUNT_PAUSE = 50 -- microseconds for each of more: counting takes some hundredths of Redis' time at most

local function bytes_of_set(set, args)
  local count, bytes = redis.call('ZCARD', set), 0
  for first = 0, count - 1, PAGE do
    for _, id in ipairs(redis.call('ZRANGE', set, first, first + PAGE - 1)) do
      local notification = args.notification_prefix .. id
      bytes = bytes + redis.call('HSTRLEN', notification, 'message') + redis.call('HSTRLEN', notification, 'callbacks')
    end
  end
  return count, bytes
end

local function count_memory(memory, now, args)
  local held, total, total_bytes = {}, 0, 0
  for _, type in ipairs(args.types) do
    held[type] = 0
    local most = tonumber(redis.call('HGET', string.format(args.partitions, type), 'most')) or 1
    for number = 0, most - 1 do
      for _, set in ipairs(args.sets) do
        local count, bytes = bytes_of_set(string.format(set, number > 0 and type .. '.' .. number or type), args)
        total, held[type] = total + count, held[type] + bytes
      end
    end
    total_bytes = total_bytes + held[type]
    redis.call('HSET', memory, type, held[type])
  end
  redis.call('HSET', memory, 'counted_at', now, 'count', total, 'total', total_bytes)
  redis.call('PEXPIRE', memory, COUNT_LIFE + total)
  return held
end

-- An outbox that holds nothing takes one of any size: else it would never go.
local function fits(held, bytes, args)
  local own = held[args.type] + bytes
  if held[args.type] == 0 or own <= args.reserve then return true end
  local sum = 0
  for _, type in ipairs(args.types) do
    sum = sum + math.max(type == args.type and own or held[type], args.reserve)
  end
  return sum <= args.bytes_max
end

local function memory_has_room(memory, now, bytes, roomy, args)
  local total = tonumber(redis.call('HGET', memory, 'total'))
  if total and total + bytes <= tonumber(roomy) then return true end
  args = cjson.decode(args)
  local held, fields = {}, redis.call('HMGET', memory, 'counted_at', 'count', unpack(args.types))
  if total then
    for position, type in ipairs(args.types) do held[type] = tonumber(fields[position + 2]) end
    if fits(held, bytes, args) then return true end
    local count = tonumber(fields[2])
    if count > COUNT_FREELY and math.abs(now - fields[1]) < count * COUNT_PAUSE then return false end
  end
  return fits(count_memory(memory, now, args), bytes, args)
end

local function memory_add(memory, bytes, type)
  redis.call('HINCRBY', memory, type, bytes)
  redis.call('HINCRBY', memory, 'total', bytes)
end

local function memory_room(memory, type, partition)
  local box = partition > 0 and type .. '.' .. partition or type
  local room = { type = type, size_field = 'size:' .. box, renewed_field = 'renewed:' .. box }
  local total, own, size, renewed =
    unpack(redis.call('HMGET', memory, 'total', type, room.size_field, room.renewed_field))
  room.total, room.own = tonumber(total) or math.huge, tonumber(own) or 0
  room.size, room.renewed = tonumber(size) or math.huge, renewed
  return room
end

local function memory_take(memory, room, bytes, size, now)
  redis.call('HSET', memory, 'total', room.total + bytes, room.type, room.own + bytes, room.size_field, size + 1,
    room.renewed_field, room.renewed or now)
end
