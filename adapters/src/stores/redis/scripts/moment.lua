-- What time it is (ms): the given one, or the server's own where it is ''. Stands before each script that goes by time.
local function moment(given)
  local now = tonumber(given)
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return now
end

-- A time (ms) as it is written.
local function written(time)
  return string.format('%.0f', time)
end

-- Whether a time up to which something holds, for a span (ms) at most, is further ahead than that: then it was written before the
-- server's clock was set back, and would hold for as much longer. A span of 0 is not known.
local function is_stale(time, now, span)
  return span > 0 and time > now + span
end
