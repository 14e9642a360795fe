-- Sorted sets of few members, which a step has read whole (cache.lua): asked and changed here as Redis would do it.
-- What is asked for is nearly always at the end, so all is looked for from there.
--
-- SMALL_SET.of(flat)       flat: as ZRANGE WITHSCORES gives it. Returns the set
-- SMALL_SET.answers        by command: functions that take the set, and what follows the key; each returns the answer
-- SMALL_SET.changes(set)   what is to be written since it was read, or since this was called last: those that join
--                          (score, member, …) and those that leave

local SMALL_SET = { answers = {} }
do
  -- The score, and whether members that have it are left out.
  local function bound(given)
    if given == '+inf' then return math.huge end
    if given == '-inf' then return -math.huge end
    local score = tonumber(given)
    if score then return score end
    return tonumber(string.sub(given, 2)), true
  end

  -- The first and the last place that lie between.
  local function places(set, low, high)
    local members, scores = set.members, set.scores
    local last = #members
    if high ~= '+inf' then
      local to, is_out = bound(high)
      while last > 0 and (scores[members[last]] > to or is_out and scores[members[last]] == to) do last = last - 1 end
    end
    local first = last
    local from, is_out = bound(low)
    while first > 0 and (scores[members[first]] > from or not is_out and scores[members[first]] == from) do
      first = first - 1
    end
    return first + 1, last
  end

  local function as_text(score)
    return string.format('%.17g', score)
  end

  local function told(set, first, last, with_scores)
    local found = {}
    for place = first, last do
      local member = set.members[place]
      found[#found + 1] = member
      if with_scores then found[#found + 1] = as_text(set.scores[member]) end
    end
    return found
  end

  local function leave(set, member)
    if not set.scores[member] then return end
    local members, place = set.members, #set.members
    while members[place] ~= member do place = place - 1 end
    table.remove(members, place)
    set.scores[member], set.changed[member] = nil, true
  end

  local function join(set, member, score)
    local members, scores = set.members, set.scores
    leave(set, member)
    local function is_behind(other)
      return scores[other] > score or scores[other] == score and other > member
    end
    local place = #members
    while place > 0 and is_behind(members[place]) do place = place - 1 end
    table.insert(members, place + 1, member)
    scores[member], set.changed[member] = score, true
  end

  function SMALL_SET.of(flat)
    local members, scores = {}, {}
    for at = 1, #flat, 2 do
      members[(at + 1) / 2], scores[flat[at]] = flat[at], tonumber(flat[at + 1])
    end
    return { members = members, scores = scores, changed = {} }
  end

  function SMALL_SET.changes(set)
    local joins, leaves = {}, {}
    for member in pairs(set.changed) do
      if set.scores[member] then
        table.insert(joins, as_text(set.scores[member]))
        table.insert(joins, member)
      else
        table.insert(leaves, member)
      end
    end
    set.changed = {}
    return joins, leaves
  end

  local answers = SMALL_SET.answers
  function answers.ZCARD(set) return #set.members end
  function answers.ZSCORE(set, member) return set.scores[member] and as_text(set.scores[member]) or false end
  function answers.ZCOUNT(set, low, high)
    local first, last = places(set, low, high)
    return last - first + 1
  end
  function answers.ZRANGEBYSCORE(set, low, high, with)
    local first, last = places(set, low, high)
    return told(set, first, last, with)
  end
  function answers.ZRANGE(set, first, last, with)
    local count = #set.members
    if first < 0 then first = math.max(0, count + first) end
    if last < 0 then last = count + last end
    return told(set, first + 1, math.min(last + 1, count), with)
  end
  function answers.ZADD(set, score, member)
    if set.scores[member] ~= tonumber(score) then join(set, member, tonumber(score)) end
  end
  answers.ZREM = leave
  function answers.ZREMRANGEBYSCORE(set, low, high)
    local first, last = places(set, low, high)
    for place = last, first, -1 do leave(set, set.members[place]) end
  end
end
