-- Silences: an alert that one of them matches is not posted.
-- silences (hash): JSON by id: alert_type ('': any), until (microseconds), forced (critical and security alerts too),
--   match (globs of whole texts, in any case of a to z, by what they are of: title, source, dedup_key, or 'fields.'
--   and the name of one; all have to match)
-- silenced_by(silences, alert_type, message, now)   message: JSON. Returns the id of one that matches, or nil

local ONLY_BY_FORCE = { critical = true, security = true }
local LOOKED_AT = 2000 -- bytes of a text

local function texts_of(message)
  local texts = { title = message.title, source = message.source, dedup_key = message.dedup_key }
  for _, field in ipairs(message.fields or {}) do texts['fields.' .. field.name] = field.value end
  return texts
end

-- '*' is any text, '?' one character. It goes back to the last '*' alone, so it takes no longer than glob by text.
local function glob_matches(glob, text)
  local at, place, star, from = 1, 1, nil, nil
  while place <= #text do
    local sign = string.sub(glob, at, at)
    if sign == '*' then
      star, from, at = at, place, at + 1
    elseif sign == '?' then
      at, place = at + 1, place + 1
      while string.find(string.sub(text, place, place), '[\128-\191]') do place = place + 1 end -- of the same character
    elseif sign == string.sub(text, place, place) then
      at, place = at + 1, place + 1
    elseif star then
      from = from + 1
      at, place = star + 1, from
    else
      return false
    end
  end
  return string.find(string.sub(glob, at), '^%**$') ~= nil
end

local function silence_matches(silence, alert_type, severity, texts)
  if silence.alert_type ~= '' and silence.alert_type ~= alert_type then return false end
  if (ONLY_BY_FORCE[alert_type] or severity == 'critical') and not silence.forced then return false end
  for name, glob in pairs(silence.match) do
    local text = string.lower(string.sub(texts[name] or '', 1, LOOKED_AT))
    if not texts[name] or not glob_matches(string.lower(glob), text) then return false end
  end
  return true
end

local function silenced_by(silences, alert_type, message, now)
  if redis.call('HLEN', silences) == 0 then return end
  local known, flat = cjson.decode(message), redis.call('HGETALL', silences)
  local texts = texts_of(known)
  for at = 1, #flat, 2 do
    local readable, silence = pcall(cjson.decode, flat[at + 1]) -- one that is not would stop every alert
    if readable and now < silence['until'] and silence_matches(silence, alert_type, known.severity, texts) then
      return flat[at]
    end
  end
end
