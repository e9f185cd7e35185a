local R, H, O = {}, {}, {}  -- runtime (this prelude, rows, codecs), helpers, operations
R.wrong = function(what, value) error({err = 'BAD_' .. what .. ' ' .. tostring(value)}) end
R.int = function(text)  -- from a key: decimal digits, within 2^53
  local n = string.match(text or '', '^-?%d+$') and tonumber(text)
  if not n or n > 9007199254740991 or n < -9007199254740991 then R.wrong('INT', text) end
  return n + 0  -- no minus zero
end
-- Arguments: one list, packed (see backends/codec.py).
R.whole = function(n)
  return type(n) == 'number' and n % 1 == 0 and n <= 9007199254740991 and n >= -9007199254740991 and n or R.wrong('INT', n)
end
R.flag = function(value) if type(value) ~= 'boolean' then R.wrong('BOOL', value) end return value end
R.list = function(value) if type(value) ~= 'table' then R.wrong('LIST', value) end return value end  -- of texts
R.now = function(given)  -- '' means the server's clock; tests send virtual time
  local time = given == '' and redis.call('TIME')
  return time and time[1] * 1000 + math.floor(time[2] / 1000) or R.whole(given)
end
R.count = function(args, at)  -- of a list of arguments; every item takes one or more
  local n = R.whole(args[at])
  return n >= 0 and n <= #args - at and n or R.wrong('COUNT', n)
end
R.done = function(args, at) if at ~= #args + 1 then R.wrong('ARGUMENTS', #args) end end
-- For b > 0. Lua's own `%` is inexact for an a near -2^53.
R.mod = function(a, b) local rest = math.fmod(a, b) return rest < 0 and rest + b or rest + 0 end
R.text = function(n) return string.format('%d', n) end  -- `..` and tostring round to 14 digits; `%.0f` is slow
local low_digits, high_digits, highs = {}, {}, 0
R.pad = function(n)  -- marks grow by one, and to format one costs ten times what it takes to look its parts up
  if n < 0 then return string.format('%016d', n) end
  local low = math.fmod(n, 1000)
  local high = high_digits[n - low]
  if not high then
    if highs == 100 then high_digits, highs = {}, 0 end
    high = string.format('%013d', (n - low) / 1000)
    high_digits[n - low], highs = high, highs + 1
  end
  local digits = low_digits[low]
  if not digits then
    digits = string.format('%03d', low)
    low_digits[low] = digits
  end
  return high .. digits
end
R.maybe_int = function(reply) return reply and tonumber(reply) or false end
R.is_canonical_id = function(text, digits_max) return #text <= digits_max and string.match(text, '^[1-9]%d*$') ~= nil end
R.split = function(text, separator)
  local parts, from = {}, text ~= '' and 1
  while from do
    local at = string.find(text, separator, from, true)
    parts[#parts + 1] = string.sub(text, from, at and at - 1 or -1)
    from = at and at + 1
  end
  return parts
end
R.spread = function(command, items, key)  -- unpack takes about 8,000 values, so 1,000 at a time
  local total, call = 0, redis.call
  for from = 1, #items, 1000 do
    local to = math.min(from + 999, #items)
    total = total + (key and call(command, key, unpack(items, from, to)) or call(command, unpack(items, from, to)))
  end
  return total
end
R.hmget = function(key, fields)
  local values = {}
  for from = 1, #fields, 1000 do
    local part = redis.call('HMGET', key, unpack(fields, from, math.min(from + 999, #fields)))
    for i = 1, #part do values[from + i - 1] = part[i] or '' end
  end
  return values
end
R.zadd_many = function(key, scores, members)
  local pairs = {}
  for i = 1, #members do pairs[2 * i - 1], pairs[2 * i] = scores[i], members[i] end
  R.spread('ZADD', pairs, key)
end
R.scored = function(reply)
  local out = {}
  for i = 1, #reply, 2 do out[#out + 1] = {member = reply[i], score = tonumber(reply[i + 1])} end
  return out
end
-- Events: a command costs more than an event, so those that follow each other are gathered, and written together at
-- the end of the operation, or before anything looks. The form is that of `Store.xadd` in semantics/store.py.
local TOGETHER = 100  -- limits.EVENTS_TOGETHER
local log, log_size, log_root, log_name, log_keep, log_at = false, 0
R.begin = function() log, log_at = false, false end  -- an operation that failed left its own
R.write = function(value)
  if log then
    local call, key, keep, all, size = redis.call, log_root .. log_name, log_keep, log, (log_size - 1) / 4
    R.begin()
    local last = call('INCRBY', key .. ':last', size)
    local before = last - size
    while before < last do
      local to = math.min(before - before % TOGETHER + TOGETHER, last)
      local from = 4 * (before - last + size)
      local part = to - before == size and all or {all[1], unpack(all, from + 2, from + 4 * (to - before) + 1)}
      call('XADD', key, '0-' .. R.text(to), keep, cmsgpack.pack(part))
      if to % TOGETHER == 0 then
        call('XTRIM', key, 'MINID', '=', '0-' .. R.text(math.max(to - math.ceil(keep / TOGETHER) * TOGETHER, 0) + 1))
      end
      before = to
    end
  end
  return value
end
R.xadd = function(root, name, keep, at, event, job_id, field, value)  -- of the stream `root .. name`
  if at ~= log_at or keep ~= log_keep or root ~= log_root or name ~= log_name then
    R.write()
    log, log_size, log_root, log_name, log_keep, log_at = {at}, 1, root, name, keep, at
  end
  local n = log_size
  log[n + 1], log[n + 2], log[n + 3], log[n + 4], log_size = event, job_id, field, value, n + 4
end
R.xafter = function(key, after, count)
  local out, newest = {}, redis.call('XREVRANGE', R.write(key), '+', '-', 'COUNT', 1)[1]
  local last = newest and tonumber(string.sub(newest[1], 3)) or 0
  local from = newest and math.max(after, last - newest[2][1])
  while newest and from < last and #out < count do
    for _, entry in ipairs(redis.call('XRANGE', key, '(0-' .. R.text(from), '+', 'COUNT', 20)) do
      local events = cmsgpack.unpack(entry[2][2])
      local to = tonumber(string.sub(entry[1], 3))
      local n = to - (#events - 1) / 4
      for i = 2, #events, 4 do
        n = n + 1
        if n > from and #out < count then
          local field = events[i + 2]
          local fields = type(field) == 'table' and field or field and {field, events[i + 3]} or {}
          out[#out + 1] = {number = n, at = events[1], name = events[i], job_id = events[i + 1], fields = fields}
        end
      end
      from = to
    end
  end
  return out
end
