-- What is known of an alert by its id: that it waits, that it has ended, its record.
-- Functions: stored_record, forget_record, is_known, is_admitted.

-- The record that is stored there, or nil: none, or another task's result.
local function stored_record(result_key)
  local is_json, meta = pcall(cjson.decode, redis.call('GET', result_key) or 'null')
  local result = is_json and type(meta) == 'table' and meta.result
  if type(result) ~= 'table' then return end
  if type(result.exc_message) == 'table' then result = result.exc_message[#result.exc_message] end
  if type(result) == 'table' and result.admitted_at then return result end
end

local function forget_record(result_key, history, id)
  local record = stored_record(result_key)
  if not record then return end
  redis.call('DEL', result_key)
  redis.call('ZREM', history, id)
  redis.call('ZREM', history .. ':' .. (record.status or ''), id)
end

-- Whether a notification waits, or has ended: what else may be left of its hash says nothing.
local function is_known(notification)
  return redis.call('HEXISTS', notification, 'message') == 1 or redis.call('HEXISTS', notification, 'finished_at') == 1
end

-- Whether this id is known to an outbox. One that a worker refused is a dead letter, and no outbox took it: if it is
-- sent again, as it should be, the letter is dropped. So is one of which Redis has forgotten the text.
local function is_admitted(notification, dead_letters, id)
  if redis.call('EXISTS', notification) == 0 then return false end
  if is_known(notification) then return true end
  redis.call('DEL', notification)
  redis.call('ZREM', dead_letters, id)
  return false
end
