-- The example game: rooms. What it does is said in docs/examples/README.md, to the letter.
local ENTER, STEP, ANNOUNCE, CHAT = 10, 11, 12, 30
local STATE, WON, REFUSED, NEWS = 20, 21, 22, 23
local ROOMS, PLACES, LAST_CELL, POINTS_TO_WIN, CHAT_BYTES = 9, 4, 9, 3, 32

local session
local rooms = {}  -- number -> {coin, changed, seats}; seats: in the order of peer ids
local seats = {}  -- peer id -> {peer, room, cell, points, step}

for number = 1, ROOMS do
	rooms[number] = {coin = 5, changed = false, seats = {}}
end

local function tell(opCode, text, peer)
	session:sendReliableMessage(session:newTextGameMessage(opCode, session:getServerId(), text), peer)
end

local function tellGroup(opCode, text, group)
	session:sendReliableGroupMessage(session:newTextGameMessage(opCode, session:getServerId(), text), group)
end

local function leave(peer)
	local seat = seats[peer]
	if not seat then return end
	local room = rooms[seat.room]
	for i, other in ipairs(room.seats) do
		if other == seat then table.remove(room.seats, i) break end
	end
	room.changed = true
	seats[peer] = nil
end

local function enter(peer, text)
	local number = text:match("^[1-9]$") and tonumber(text)
	if not number then return tell(REFUSED, "no such room", peer) end
	local room, old = rooms[number], seats[peer]
	local others = #room.seats - (old and old.room == number and 1 or 0)
	if others >= PLACES then return tell(REFUSED, "room is full", peer) end
	leave(peer)
	if old and old.room ~= number then session:leaveGroup(old.room, peer) end
	if not old or old.room ~= number then session:joinGroup(number, peer) end
	seats[peer] = {peer = peer, room = number, cell = 0, points = 0}
	table.insert(room.seats, seats[peer])
	table.sort(room.seats, function(a, b) return a.peer < b.peer end)
	room.changed = true
end

local function step(peer, text)
	local seat = seats[peer]
	if not seat then return tell(REFUSED, "enter a room first", peer) end
	if text ~= "+" and text ~= "-" then return tell(REFUSED, "no such step", peer) end
	seat.step = text == "+" and 1 or -1
end

local function win(room, number, winner)
	local id = session:getPlayerId(winner.peer)
	tellGroup(WON, ("%d %d %s"):format(winner.peer, number, id ~= "" and id or "-"), session:getAllPlayersGroupId())
	session:emitEvent("won", ('{"peer":%d,"room":%d}'):format(winner.peer, number))
	for _, seat in ipairs(room.seats) do seat.points = 0 end
end

local function move(room, number, seat)
	if seat.step then
		local cell = math.max(0, math.min(LAST_CELL, seat.cell + seat.step))
		room.changed = room.changed or cell ~= seat.cell
		seat.cell, seat.step = cell, nil
	end
	if seat.cell == room.coin then
		seat.points = seat.points + 1
		room.coin = (3 * room.coin + 4) % 10
		room.changed = true
		if seat.points == POINTS_TO_WIN then win(room, number, seat) end
	end
end

local function describe(room)
	local parts = {"coin " .. room.coin}
	for _, seat in ipairs(room.seats) do
		parts[#parts + 1] = ("%d %d %d"):format(seat.peer, seat.cell, seat.points)
	end
	return table.concat(parts, ",")
end

local game = {configuration = {tickInterval = 100}}

function game.init(rtSession)
	session = rtSession
end

function game.onPlayerConnect(connectMsg)
	return connectMsg.payload == "" or connectMsg.payload == "rooms 1"
end

function game.onPlayerDisconnect(peer)
	leave(peer)
end

function game.onMessage(msg)
	if msg.opCode == ENTER then
		enter(msg.sender, msg:text())
	elseif msg.opCode == STEP then
		step(msg.sender, msg:text())
	end
end

function game.onServiceMessage(msg)
	if msg.opCode == ANNOUNCE then tellGroup(NEWS, msg.payload, session:getAllPlayersGroupId()) end
end

function game.onSendToGroup(msg)
	return msg.opCode < CHAT or msg.size <= CHAT_BYTES
end

function game.onPlayerJoinGroup() return false end
function game.onPlayerLeaveGroup() return false end

function game.onTick()
	for number, room in ipairs(rooms) do
		for _, seat in ipairs(room.seats) do move(room, number, seat) end
		if room.changed and #room.seats > 0 then
			tellGroup(STATE, describe(room), number)
		end
		room.changed = false
	end
end

return game
