using System;
using System.Text;
using Ringcast.Realtime.Link;
using Ringcast.Realtime.Types;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	internal static class CoreTest
	{
		public static void Add()
		{
			Runner.Add("core/from the upgrade to the login result", Login);
			Runner.Add("core/a refusal is told by the close that follows", Refusal);
			Runner.Add("core/nothing comes in time", Timeouts);
			Runner.Add("core/time in which nobody polls does not count for a timeout", Stalls);
			Runner.Add("core/a full queue holds no ping back, and one that was not sent is not missed", FullQueue);
			Runner.Add("core/messages, groups and what is not sent", Sending);
			Runner.Add("core/what comes", Receiving);
			Runner.Add("core/a welcome before the login result is a message", Early);
			Runner.Add("core/pings are answered, ours bring the round trip", Pings);
			Runner.Add("core/three pings without an answer end the connection", Silence);
			Runner.Add("core/a close frame is answered with its code", CloseOfServer);
			Runner.Add("core/our close waits for its answer, not for ever", CloseOfOurs);
			Runner.Add("core/what breaks the rules closes with the code for it", Broken);
			Runner.Add("core/fragments with a ping between", Fragments);
			Runner.Add("core/a callback may close, throw and send", Callbacks);
			Runner.Add("core/too many pings for the queue cost their answers only", PingFlood);
		}

		private static void Login()
		{
			World world = new World();
			world.Stream(Bytes.Upgraded(world.Output.Key), 1);
			Check.Same("> op 0 n 0; opened", world.Output.Take(), "the login goes out before the game is told");
			world.Stream(Bytes.Frame(0x82, Bytes.LoginResult(true, 3, 0)), 1);
			Check.Same("logged in 3", world.Output.Take(), "logged in");
			Check.That(world.Core.Phase == Phase.Open && world.Core.PeerId == 3, "open");
			world.Stream(Bytes.Frame(0x82, Bytes.LoginResult(true, 4, 0)));
			Check.Same("", world.Output.Take(), "a second login result is dropped");
			Check.Same(3, world.Core.PeerId, "peer id");
			Check.Same(1, world.Core.Reliable.PacketsDropped, "dropped");
		}

		private static void Refusal()
		{
			World world = new World();
			world.Stream(Bytes.Upgraded(world.Output.Key));
			world.Stream(Bytes.Frame(0x82, Bytes.LoginResult(false, 0, 0)));
			Check.Same("> op 0 n 0; opened; refused", world.Output.Take(), "refused");
			Check.That(world.Say("x", false) == SendResult.NotConnected, "nothing is sent");
			world.Stream(Bytes.Frame(0x88, Bytes.Of("0dac")));
			Check.Same("> close 3500; closed 3500", world.Output.Take(), "closed");
		}

		private static void Timeouts()
		{
			World world = new World();
			world.Pass(9999);
			Check.Same("", world.Output.Take(), "still waiting");
			world.Pass(1);
			Check.Same("closed 1006 error", world.Output.Take(), "no upgrade");
			world = new World();
			world.Pass(5000);
			world.Stream(Bytes.Upgraded(world.Output.Key));
			world.Output.Take();
			world.Pass(5000);
			Check.Same("closed 1006 error", world.Output.Take(), "no login result");
			world.Pass(100000);
			Check.Same("", world.Output.Take(), "nothing after the end");
		}

		private static void Stalls()
		{
			World world = new World();
			world.Stall(60000);
			Check.Same("", world.Output.Take(), "a scene was loaded");
			world.Pass(8999);
			Check.Same("", world.Output.Take(), "a second of it counts");
			world.Pass(1);
			Check.Same("closed 1006 error", world.Output.Take(), "and what is polled counts");
			world = World.LoggedIn();
			world.Stall(60000);
			world.NowUs += 30000000;
			world.Core.Close(1000, world.NowUs);
			world.Output.Take();
			world.Pass(2999);
			Check.Same("", world.Output.Take(), "closing");
			world.Pass(1);
			Check.Same("closed 1000", world.Output.Take(), "time before the close is not forgiven");
		}

		private static void FullQueue()
		{
			World world = World.LoggedIn(0, new ClientConfiguration {PingIntervalMs = 1000});
			world.Output.Take();
			world.Output.HasRoom = false;
			world.Pass(1000);
			Check.Same("> ping 8", world.Output.Take(), "from the reserve");
			world.Output.HasReserve = false;
			world.Pass(10000);
			Check.Same("", world.Output.Take(), "none is sent, none is missed");
			world.Output.HasReserve = true;
			world.Pass(3000);
			Check.Same("> ping 8; > ping 8; closed 1006 error", world.Output.Take(), "those that are sent are missed");
		}

		private static void Sending()
		{
			World world = World.LoggedIn();
			world.Output.Take();
			Check.That(world.Say("hello", true) == SendResult.SentReliable, "fast falls back");
			Check.That(world.Core.SendGroup(-10, PacketCommand.JoinGroup, 5) == SendResult.SentReliable, "join");
			Check.Same("> op 10 n 0; > op -10 n 0", world.Output.Take(), "frames");
			world.Output.HasRoom = false;
			Check.That(world.Say("hello", false) == SendResult.Full, "full");
			Check.Same(1, world.Core.Reliable.MessagesSent, "sent");
			Check.Same(5, world.Core.Reliable.BytesSent, "bytes");
			Check.Same(1, world.Core.Reliable.MessagesUnsent, "unsent");
			world.Output.HasRoom = true;
			Check.That(world.Core.Send(10, 2, 0, new byte[Limits.PayloadReliableBytes], true) == SendResult.SentReliable, "the largest payload");
		}

		private static void Receiving()
		{
			World world = World.LoggedIn();
			world.Output.Take();
			world.Stream(Bytes.Join(World.Message(10, "a"), World.Message(-500, "b"), Bytes.Frame(0x82, Bytes.Of("070819da02020807"))));
			Check.Same("message 10 of 2 'a'; message -500 of 2 'b'; members of 7: ", world.Output.Take(), "three in one piece");
			world.Stream(World.Message(-6, "x"));
			world.Stream(World.Message(-15, "x"));
			world.Stream(World.Message(-13, "an update without members"));
			Check.Same("", world.Output.Take(), "what has no place on the stream");
			Check.Same(3, world.Core.Reliable.PacketsDropped, "dropped");
		}

		private static void Early()
		{
			World world = new World();
			world.Stream(Bytes.Upgraded(world.Output.Key));
			world.Output.Take();
			world.Stream(World.Message(10, "welcome"));
			Check.Same("message 10 of 2 'welcome'", world.Output.Take(), "welcome");
		}

		private static void Pings()
		{
			World world = World.LoggedIn(0, new ClientConfiguration {PingIntervalMs = 1000});
			world.Output.Take();
			world.Stream(Bytes.Frame(0x89, new byte[125]));
			Check.Same("> pong 125", world.Output.Take(), "pong");
			Check.Same(-1, world.Core.RoundTripUs, "no round trip yet");
			world.Pass(1000);
			Check.Same("> ping 8", world.Output.Take(), "ping");
			byte[] payload = BitConverter.GetBytes(world.NowUs);
			world.NowUs += 42000;
			world.Stream(Bytes.Frame(0x8a, payload));
			Check.Same(42000, world.Core.RoundTripUs, "round trip");
			world.Stream(Bytes.Frame(0x8a, BitConverter.GetBytes(long.MaxValue)));
			world.Stream(Bytes.Frame(0x8a, BitConverter.GetBytes(long.MinValue)));
			Check.Same(42000, world.Core.RoundTripUs, "lies do not count");
		}

		private static void Silence()
		{
			World world = World.LoggedIn(0, new ClientConfiguration {PingIntervalMs = 1000});
			world.Output.Take();
			for (int i = 0; i < 3; i++)
				world.Pass(1000);
			Check.Same("> ping 8; > ping 8; > ping 8", world.Output.Take(), "pings");
			world.Pass(1000);
			Check.Same("closed 1006 error", world.Output.Take(), "closed");
		}

		private static void CloseOfServer()
		{
			World world = World.LoggedIn();
			world.Output.Take();
			world.Stream(Bytes.Join(Bytes.Frame(0x88, Bytes.Of("0daf6b69636b")), World.Message(10, "too late")));
			Check.Same("> close 3503; closed 3503", world.Output.Take(), "kicked");
			world = World.LoggedIn();
			world.Output.Take();
			world.Stream(Bytes.Frame(0x88, new byte[0]));
			Check.Same("> close 1000; closed 1005", world.Output.Take(), "without a code");
			world = World.LoggedIn();
			world.Output.Take();
			world.Core.EndStream("reset", world.NowUs);
			Check.Same("closed 1006 error", world.Output.Take(), "reset");
		}

		private static void CloseOfOurs()
		{
			World world = World.LoggedIn();
			world.Output.Take();
			world.Core.Close(1000, world.NowUs);
			world.Core.Close(1000, world.NowUs);
			world.Stream(Bytes.Join(World.Message(10, "too late"), Bytes.Frame(0x89, new byte[0])));
			Check.Same("> close 1000", world.Output.Take(), "closing");
			Check.That(world.Say("x", false) == SendResult.NotConnected, "nothing more is sent");
			world.Stream(Bytes.Frame(0x88, Bytes.Of("03e8")));
			Check.Same("closed 1000", world.Output.Take(), "answered");
			world = World.LoggedIn();
			world.Output.Take();
			world.Core.Close(1000, world.NowUs);
			world.Pass(3000);
			Check.Same("> close 1000; closed 1000", world.Output.Take(), "not answered");
			world = new World();
			world.Core.Close(1000, world.NowUs);
			Check.Same("closed 1006", world.Output.Take(), "before the upgrade");
		}

		private static void Broken()
		{
			foreach (string[] pair in new[] {
				new[] {"8101" + "78", "1003"}, new[] {"8101" + "ff", "1007"}, new[] {"c200", "1002"}, new[] {"8202ffff", "1002"}, new[] {"827e4001", "1009"}, new[] {"880103", "1002"},
				new[] {"880203ec", "1002"}, new[] {"880303e8ff", "1007"}, new[] {"8000", "1002"}, new[] {"8203" + "020800" + "", "open"}, new[] {"8200", "1002"},
				new[] {"8204" + "02080000", "1002"}
			}) {
				World world = World.LoggedIn();
				world.Output.Take();
				world.Stream(Bytes.Of(pair[0]));
				bool isOpen = pair[1] == "open";
				Check.Same(isOpen ? "message 0 of 0 ''" : "> close " + pair[1] + "; closed " + pair[1] + " error", world.Output.Take(), pair[0]);
			}
			World refused = new World();
			refused.Stream(Encoding.ASCII.GetBytes("HTTP/1.1 426 Upgrade Required\r\n\r\n"));
			Check.Same("closed 1006 error", refused.Output.Take(), "no upgrade");
		}

		private static void Fragments()
		{
			World world = World.LoggedIn();
			byte[] packet = Bytes.PacketOf(new Packet {OpCode = 10, Sender = 2, Payload = Encoding.ASCII.GetBytes("in pieces")});
			byte[] front = new byte[4], back = new byte[packet.Length - 4];
			Buffer.BlockCopy(packet, 0, front, 0, 4);
			Buffer.BlockCopy(packet, 4, back, 0, back.Length);
			world.Output.Take();
			world.Stream(Bytes.Join(Bytes.Frame(0x02, front), Bytes.Frame(0x89, new byte[0]), Bytes.Frame(0x80, back)), 3);
			Check.Same("> pong 0; message 10 of 2 'in pieces'", world.Output.Take(), "message");
		}

		private static void Callbacks()
		{
			World world = World.LoggedIn();
			byte[] three = Bytes.Join(World.Message(10, "a"), World.Message(10, "b"), World.Message(10, "c"));
			world.Output.Take();
			world.Output.OnTold = line => {
				if (line.Contains("'a'"))
					throw new InvalidOperationException("of the game");
			};
			Check.Throws<InvalidOperationException>(() => world.Stream(three), "what the game throws");
			world.Core.TakeStream(0, world.NowUs);
			Check.Same("message 10 of 2 'a'; message 10 of 2 'b'; message 10 of 2 'c'", world.Output.Take(), "it goes on behind it");
			world.Output.OnTold = line => {
				if (line.Contains("'b'"))
					world.Core.Close(1000, world.NowUs);
				if (line.Contains("'a'"))
					world.Say("answer", false);
			};
			world.Stream(three);
			Check.Same("message 10 of 2 'a'; > op 10 n 0; message 10 of 2 'b'; > close 1000", world.Output.Take(), "no message after the close");
		}

		private static void PingFlood()
		{
			World world = World.LoggedIn();
			world.Output.Take();
			world.Output.HasRoom = false;
			for (int i = 0; i < 1000; i++)
				world.Stream(Bytes.Frame(0x89, new byte[8]));
			Check.Same("", world.Output.Take(), "no pong");
			Check.Same(1000, world.Core.Reliable.PongsUnsent, "counted");
			world.Stream(World.Message(10, "on"));
			Check.Same("message 10 of 2 'on'", world.Output.Take(), "the connection lives");
		}
	}
}
