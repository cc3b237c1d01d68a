-- A small game to begin with. Players tap; the server counts, and tells everybody the score. The first with WINS taps wins, and it begins anew.
--
--   try it:   ringcastd --dev --script .       then, twice: ringcast play demo
--             > send 10 tap --to server
--   test it:  ringcast script test .           tests/*.scn
--   run it:   ringcast script push NAME .
--
-- The callbacks are those of docs/scripting.md; all of them may be left out.

local TAP = 10                              -- from players
local SCORE, WON, REFUSED = 20, 21, 22      -- from the server
local WINS = 3

local session
local taps = {} -- peer id -> how many

-- To one player. Reliable: by TCP, in order. sendMessage would go by UDP where the player has it.
local function tell(peer, opCode, text)
	session:sendReliableMessage(session:newTextGameMessage(opCode, session:getServerId(), text), peer)
end

local function tellAll(opCode, text)
	session:sendReliableGroupMessage(session:newTextGameMessage(opCode, session:getServerId(), text), session:getAllPlayersGroupId())
end

local game = {configuration = {maxPlayers = 8}}

-- First of all. The session is for keeping: everything is asked of it.
function game.init(rtSession)
	session = rtSession
	session:getLogger():info("a game begins")
end

-- May this player come in? connectMsg.payload is what its client logged in with: a good place for the version of your game.
function game.onPlayerConnect(connectMsg)
	return connectMsg.payload == "" or connectMsg.payload == "version 1"
end

-- It is in, and hears what we say from now on.
function game.onPlayerAccepted(player)
	taps[player.peerId] = 0
	tell(player.peerId, SCORE, "you have 0")
end

function game.onPlayerDisconnect(peer)
	taps[peer] = nil
end

-- A message to the server. Players send what they like: look before you believe.
function game.onMessage(msg)
	if msg.opCode ~= TAP then return end
	if msg.payload ~= "tap" then return tell(msg.sender, REFUSED, "that is no tap") end
	taps[msg.sender] = taps[msg.sender] + 1
	tellAll(SCORE, ("%d has %d"):format(msg.sender, taps[msg.sender]))
	if taps[msg.sender] < WINS then return end
	tellAll(WON, tostring(msg.sender))
	for peer in pairs(taps) do taps[peer] = 0 end
end

return game
