-- Cache: what a step asks of Redis. It reads each hash once, and writes once what has changed of it, at its end; so do
-- the members that come into a sorted set and leave it, and the lives of keys. It stands before all other files of a
-- step and in the place of `redis`, so these read as if they asked Redis itself.
--
-- redis.call(command, …)  as Redis' own, but for what the writes to a sorted set and to lives return: nothing
-- redis.pcall(…)           Redis' own, for what asks nothing of keys
-- redis.renew(key, without, with)
--                         the hash is deleted, and made anew of its fields without these (a list), and with those
-- redis.expect_none(keys, sets)
--                         asks once whether any of these is there: as nearly always, none is. `sets`: sorted sets that
--                         may be there more often than the keys
-- redis.read_whole(sets)  these sorted sets have few members: each is read whole, once it is asked for
-- redis.written(answer, renews)
--                         writes what is due, and returns the answer of the step. The lives of KEYS, which are of days,
--                         begin anew only if it renews them, or if this step may have made them
--
-- What removes something comes first: a Redis that is full lets a step go on that has begun with that.

local redis = redis -- luacheck: ignore 211
do
  local server = redis
  local cached, cached_keys = {}, {} -- hashes: { fields, before (what is stored, or false: of changed ones), is_new }
  local joining, lives = {}, {} -- by key: { member = score, or false: it leaves }; { command, life }
  local renewed = {} -- hashes that are deleted first
  local is_small, whole = {}, {} -- sorted sets of few members; those that are read (small_set.lua)
  local absent, grown = {}, {} -- keys that are not there; that were written to, and may be new
  local has_freed = false
  local CACHED_MAX = 64 -- a step that looks at all that waits does so at Redis, for the rest
  local AT_ONCE = 1000 -- an even number; Lua takes some thousand arguments
  local FREES = { DEL = true, HDEL = true, ZREM = true, ZREMRANGEBYSCORE = true, EXPIRE = true, PEXPIRE = true }
  local GROWS = { SET = true, INCR = true, ZADD = true, HSET = true, HINCRBY = true }

  local free_first

  local function ask(as_given, ...)
    local command = string.upper(as_given)
    if GROWS[command] and not has_freed then free_first(...) end
    has_freed = has_freed or GROWS[command] or FREES[command]
    local answer = server.call(as_given, ...)
    if GROWS[command] then
      absent[...] = nil
      grown[...] = command ~= 'INCR' or answer == 1 or nil
    end
    return answer
  end

  -- As Redis turns Lua's values into text. A step writes the same time again and again.
  local texts = {}
  local function as_text(value)
    if type(value) ~= 'number' then return value end
    local text = texts[value]
    if not text then
      text = string.format('%.17g', value)
      texts[value] = text
    end
    return text
  end

  local function read_hash(key)
    local fields, flat = {}, server.call('HGETALL', key)
    for at = 1, #flat, 2 do fields[flat[at]] = flat[at + 1] end
    cached[key] = { fields = fields, before = {}, is_new = #flat == 0 }
    cached_keys[#cached_keys + 1] = key
    return cached[key]
  end

  -- Nil if there are too many.
  local function cached_hash(key)
    return cached[key] or #cached_keys < CACHED_MAX and read_hash(key)
  end

  local function change(hash, field, value)
    local fields, before = hash.fields, hash.before
    if before[field] == nil then before[field] = fields[field] or false end
    fields[field] = value
  end

  local function change_set(command, key, values)
    for first = 1, #values, AT_ONCE do
      ask(command, key, unpack(values, first, math.min(first + AT_ONCE - 1, #values)))
    end
  end

  local function write_set(key)
    local members, joins, leaves = joining[key], {}, {}
    if whole[key] then joins, leaves = SMALL_SET.changes(whole[key]) end
    joining[key] = nil
    for member, score in pairs(members or {}) do
      if score then
        table.insert(joins, score)
        table.insert(joins, member)
      else
        table.insert(leaves, member)
      end
    end
    change_set('ZADD', key, joins) -- before the others go: an empty key would lose its life
    change_set('ZREM', key, leaves)
  end

  local function whole_set(key)
    if is_small[key] and not whole[key] then
      write_set(key)
      whole[key] = SMALL_SET.of(server.call('ZRANGE', key, 0, -1, 'WITHSCORES'))
    end
    return whole[key]
  end

  local function join(key, member, score)
    joining[key] = joining[key] or {}
    joining[key][member] = as_text(score)
  end

  -- What asks for, or changes, one hash: called with it, its key, and what follows that.
  local of_hash = {
    HGET = function(hash, _, field) return hash.fields[field] or false end,
    HEXISTS = function(hash, _, field) return hash.fields[field] and 1 or 0 end,
    HSTRLEN = function(hash, _, field) return #(hash.fields[field] or '') end,
    HMGET = function(hash, _, ...)
      local fields, values = hash.fields, { ... }
      for at = 1, #values do values[at] = fields[values[at]] or false end
      return values
    end,
    HGETALL = function(hash)
      local flat = {}
      for field, value in pairs(hash.fields) do flat[#flat + 1], flat[#flat + 2] = field, value end
      return flat
    end,
    HKEYS = function(hash)
      local names = {}
      for field in pairs(hash.fields) do names[#names + 1] = field end
      return names
    end,
    HSET = function(hash, _, ...)
      local given, new = { ... }, 0
      for at = 1, #given, 2 do
        if not hash.fields[given[at]] then new = new + 1 end
        change(hash, given[at], as_text(given[at + 1]))
      end
      return new
    end,
    HSETNX = function(hash, _, field, value)
      if hash.fields[field] then return 0 end
      change(hash, field, as_text(value))
      return 1
    end,
    HDEL = function(hash, _, ...)
      local gone = 0
      for _, field in ipairs({ ... }) do
        if hash.fields[field] then
          gone = gone + 1
          change(hash, field, nil)
        end
      end
      return gone
    end,
  }

  local other = {
    HINCRBY = function(key, field, by)
      if not cached[key] then return ask('HINCRBY', key, field, by) end -- it is not worth reading all
      local sum = (cached[key].fields[field] or 0) + by
      change(cached[key], field, string.format('%.0f', sum))
      return sum
    end,
    EXISTS = function(key, ...)
      if select('#', ...) == 0 and cached[key] then return next(cached[key].fields) and 1 or 0 end
      for _, each in ipairs({ key, ... }) do write_set(each) end
      return server.call('EXISTS', key, ...)
    end,
    GET = function(key) return not absent[key] and server.call('GET', key) end,
    DEL = function(key)
      joining[key], lives[key] = nil, nil
      if absent[key] then return 0 end
      if whole[key] then whole[key] = SMALL_SET.of({}) end
      if cached[key] then cached[key] = { fields = {}, before = {}, is_new = true } end
      return ask('DEL', key)
    end,
    ZADD = function(key, score, member) join(key, member, score) end,
    ZREM = function(key, member) join(key, member, false) end,
    EXPIRE = function(key, life) lives[key] = { 'EXPIRE', life } end,
    PEXPIRE = function(key, life) lives[key] = { 'PEXPIRE', life } end,
  }

  redis = { -- luacheck: ignore 331
    call = function(command, ...)
      local key = ...
      local asked = of_hash[command]
      local hash = asked and cached_hash(key)
      if hash then
        absent[key] = nil
        return asked(hash, ...)
      end
      local set = SMALL_SET.answers[command] and whole_set(key)
      if set then return SMALL_SET.answers[command](set, select(2, ...)) end
      if other[command] then return other[command](...) end
      if key then write_set(key) end -- what is asked of it is how it is now
      return ask(command, ...)
    end,
    pcall = server.pcall,
  }

  local function changes_of(hash)
    local gone, changed, kept, fields, before = {}, {}, false, hash.fields, hash.before
    for field, stored in pairs(before) do
      local value = fields[field]
      if value and value ~= stored then
        changed[#changed + 1], changed[#changed + 2] = field, value
      elseif stored and not value then
        gone[#gone + 1] = field
      end
    end
    if #gone == 0 then return gone, changed, true end
    for field in pairs(fields) do kept = kept or before[field] ~= false end
    return gone, changed, kept
  end

  -- What leaves a set or a hash anyway goes now; if there is nothing, what is not there does.
  function free_first(key)
    has_freed = true
    for set, members in pairs(joining) do
      local joins = false
      for _, score in pairs(members) do joins = joins or score end
      if not joins then return write_set(set) end
    end
    for _, each in ipairs(cached_keys) do
      local gone, _, kept = changes_of(cached[each])
      if kept and #gone > 0 then
        for _, field in ipairs(gone) do cached[each].before[field] = false end
        return ask('HDEL', each, unpack(gone))
      end
    end
    server.call('DEL', key .. ':none')
  end

  local function write_hash(key)
    local gone, changed, kept = changes_of(cached[key])
    if kept and #gone > 0 then ask('HDEL', key, unpack(gone)) end
    if #changed > 0 then ask('HSET', key, unpack(changed)) end
    if not kept and #gone > 0 then ask('HDEL', key, unpack(gone)) end -- an empty key would lose its life
  end

  function redis.renew(key, without, with)
    local hash = cached[key] or read_hash(key)
    for _, field in ipairs(without) do hash.fields[field] = nil end
    for field, value in pairs(with) do hash.fields[field] = as_text(value) end
    hash.before, hash.is_new = {}, true
    for field in pairs(hash.fields) do hash.before[field] = false end
    renewed[#renewed + 1] = key
  end

  function redis.expect_none(keys, sets)
    local named = { unpack(keys) }
    for _, key in ipairs(sets) do -- Redis counts a key as often as it is named
      for _ = 0, #keys do table.insert(named, key) end
    end
    local there = server.call('EXISTS', unpack(named))
    if there < #keys + 1 then
      for _, key in ipairs(sets) do whole[key] = SMALL_SET.of({}) end
    end
    if there % (#keys + 1) > 0 then return end
    for _, key in ipairs(keys) do
      absent[key], cached[key] = true, { fields = {}, before = {}, is_new = true }
      table.insert(cached_keys, key)
    end
  end

  function redis.read_whole(sets)
    for _, key in ipairs(sets) do is_small[key] = true end
  end

  local is_shared = {}
  for _, key in ipairs(KEYS) do is_shared[key] = true end

  -- Whether the life of a key is to begin now. A hash that is still empty is not there.
  local function needs_life(key, renews)
    local hash = cached[key]
    if hash and not next(hash.fields) then return false end
    if renews or not is_shared[key] then return true end
    if hash then return hash.is_new end
    return grown[key]
  end

  function redis.written(answer, renews)
    for first = 1, #renewed, AT_ONCE do ask('DEL', unpack(renewed, first, math.min(first + AT_ONCE - 1, #renewed))) end
    for _, key in ipairs(cached_keys) do write_hash(key) end
    for key in pairs(joining) do write_set(key) end
    for key in pairs(whole) do write_set(key) end
    for key, life in pairs(lives) do
      if needs_life(key, renews) then ask(life[1], key, life[2]) end
    end
    return answer
  end
end
