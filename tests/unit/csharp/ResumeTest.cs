using System;
using System.Collections.Generic;
using Ringcast.Realtime.Link;
using Ringcast.Realtime.Types;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	internal static class ResumeTest
	{
		private const int WindowMs = 10000;

		public static void Add()
		{
			Runner.Add("resume/what the server has not read goes out again, what is sent meanwhile behind it", SentAgain);
			Runner.Add("resume/a gap is told, and counted over", Gap);
			Runner.Add("resume/what is read is acknowledged, by number and by bytes", Acknowledging);
			Runner.Add("resume/a ping brings what is left", AcknowledgingWithPings);
			Runner.Add("resume/counts that cannot be are not believed", Forged);
			Runner.Add("resume/who keeps too much does not send, and what the stream refuses is not kept", Full);
			Runner.Add("resume/fast messages do not wait", Fast);
			Runner.Add("resume/tries come farther apart, until the window is over", Tries);
			Runner.Add("resume/a refusal, a close frame, a broken rule and a goodbye are ends", Ends);
			Runner.Add("resume/another player than it was is not taken", AnotherPlayer);
			Runner.Add("resume/three pings without an answer are a drop", Silence);
			Runner.Add("resume/a server without a window is one without", NoWindow);
			Runner.Add("resume/counts go on beyond 32 bits", Wrap);
			Runner.Add("resume/the packets, there and back", Wires);
			Runner.Add("resume/nobody is there again: one close", OneClose);
		}

		private static World Open(ClientConfiguration configuration = null)
		{
			World world = new World(configuration ?? new ClientConfiguration {PingIntervalMs = 0, FastKeepaliveMs = 0, MayResume = true});
			world.Stream(Bytes.Upgraded(world.Output.Key));
			world.Stream(Bytes.LoginResult(3, "one", WindowMs));
			Check.Same("> op 0 n 0; opened; logged in 3", world.Output.Take(), "logged in");
			return world;
		}

		private static void Break(World world)
		{
			world.Core.EndStream("the network is gone", world.NowUs);
		}

		private static void Acknowledge(World world, int received)
		{
			world.Stream(Bytes.Message(new Packet {OpCode = Constants.PING_RESULT_OP_CODE, Command = PacketCommand.PingResult, Received = received}));
		}

		private static void SentAgain()
		{
			World world = Open();
			world.Core.Send(11, 2, 0, null, false);
			world.Core.Send(12, 2, 0, null, false);
			world.Stream(World.Message(20, "x"));
			world.Output.Take();
			Break(world);
			Check.Same("dropped", world.Output.Take(), "dropped");
			Check.That(world.Core.Send(13, 2, 0, null, false) == SendResult.SentReliable, "it waits");
			world.Core.SendGroup(Constants.JOIN_GROUP_OP_CODE, PacketCommand.JoinGroup, 4);
			world.Reconnect();
			Check.Same("> back with 'one', read 1; opened", world.Output.Take(), "the login");
			world.Stream(Bytes.LoginResult(3, "two", WindowMs, true, 1));
			Check.Same("> op 12 n 0; > op 13 n 0; > op -10 n 0; resumed, lost 0", world.Output.Take(), "sent again, in order, before the game is told");
			Check.That(world.Core.Phase == Phase.Open && world.Core.PeerId == 3, "open");
			Check.Same(3, world.Resume.ResentCount, "resent");
			Acknowledge(world, 4);
			Break(world);
			world.Reconnect();
			world.Stream(Bytes.LoginResult(3, "three", WindowMs, true, 4));
			Check.Same("dropped; > back with 'two', read 1; opened; resumed, lost 0", world.Output.Take(), "nothing is left to send");
			Check.Same(2, world.Resume.ResumeCount, "resumed");
			Check.Same(3, world.Core.Reliable.MessagesSent, "counters go on");
		}

		private static void Gap()
		{
			World world = Open();
			Break(world);
			world.Reconnect();
			world.Output.Take();
			world.Stream(Bytes.LoginResult(3, "two", WindowMs, true, 0, 5));
			Check.Same("resumed, lost 5", world.Output.Take(), "told");
			Check.Same(1, world.Resume.GapCount, "counted");
			Break(world);
			world.Reconnect();
			Check.Same("dropped; > back with 'two', read 5; opened", world.Output.Take(), "what is lost counts as read");
		}

		private static void Acknowledging()
		{
			World world = Open();
			for (int i = 0; i < 15; i++)
				world.Stream(World.Message(20, ""));
			Check.That(!world.Output.Take().Contains(">"), "not yet");
			world.Stream(World.Message(20, ""));
			Check.That(world.Output.Take().Contains("> read 16"), "sixteen messages");
			for (int i = 0; i < 4; i++)
				world.Stream(World.Message(20, new string('x', 4096)));
			Check.That(world.Output.Take().Contains("> read 20"), "sixteen thousand bytes");
			world = World.LoggedIn();
			for (int i = 0; i < 40; i++)
				world.Stream(World.Message(20, ""));
			Check.That(!world.Output.Take().Contains("read"), "who did not ask counts nothing");
		}

		private static void AcknowledgingWithPings()
		{
			World world = Open(new ClientConfiguration {PingIntervalMs = 1000, FastKeepaliveMs = 0, MayResume = true});
			world.Stream(World.Message(20, ""));
			world.Output.Take();
			world.Pass(1000);
			Check.Same("> read 1; > ping 8", world.Output.Take(), "told");
			world.Stream(Bytes.Frame(0x8a, new byte[8]));
			world.Pass(1000);
			Check.Same("> ping 8", world.Output.Take(), "once");
		}

		private static void Forged()
		{
			World world = Open();
			world.Core.Send(11, 2, 0, null, false);
			foreach (int received in new[] {2, 1000000, -1, int.MinValue, int.MaxValue})
				Acknowledge(world, received);
			Break(world);
			world.Reconnect();
			world.Output.Take();
			world.Stream(Bytes.LoginResult(3, "two", WindowMs, true, 100, -1));
			Check.Same("> op 11 n 0; resumed, lost 4294967295", world.Output.Take(), "nothing was taken for read");
		}

		private static void Full()
		{
			World world = Open(new ClientConfiguration {PingIntervalMs = 0, FastKeepaliveMs = 0, MayResume = true, KeptBytesMax = 8192});
			Check.That(world.Core.Send(11, 2, 0, new byte[4000], false) == SendResult.SentReliable, "room");
			Check.That(world.Core.Send(11, 2, 0, new byte[4000], false) == SendResult.SentReliable, "room");
			Check.That(world.Core.Send(11, 2, 0, new byte[4000], false) == SendResult.Full, "no room");
			Acknowledge(world, 1);
			world.Output.HasRoom = false;
			Check.That(world.Core.Send(12, 2, 0, null, false) == SendResult.Full, "the stream takes nothing");
			world.Output.HasRoom = true;
			world.Output.Take();
			Break(world);
			world.Reconnect();
			world.Stream(Bytes.LoginResult(3, "two", WindowMs, true, 1));
			Check.That(world.Output.Take().EndsWith("> op 11 n 0; resumed, lost 0", StringComparison.Ordinal), "one of them is kept");
			Check.Same(1, world.Resume.ResentCount, "resent");
		}

		private static void Fast()
		{
			World world = Open();
			Break(world);
			Check.That(world.Core.Send(11, 2, 0, null, true) == SendResult.SentFast, "may be lost");
			world.Reconnect();
			world.Output.Take();
			world.Stream(Bytes.LoginResult(3, "two", WindowMs, true));
			Check.Same("resumed, lost 0", world.Output.Take(), "is lost");
			Check.Same(1, world.Core.Fast.MessagesUnsent, "counted");
		}

		private static void Tries()
		{
			World world = Open();
			Break(world);
			Check.Same(world.NowUs, world.Resume.DueUs, "the first at once");
			long end = world.NowUs + 1000 * WindowMs, waited = 0;
			List<long> waits = new List<long>();
			while (world.Output.Take() != "closed 1006 error") {
				world.NowUs = world.Resume.DueUs;
				world.Core.Tick(world.NowUs);
				world.Reconnect();
				world.Output.Take();
				Break(world);
				waits.Add((world.Resume.DueUs - world.NowUs) / 1000);
				waited += waits[waits.Count - 1];
				Check.That(waits.Count < 20, "it ends");
			}
			Check.Same("100 200 400 800 1600 2000 2000 2000 900 0", string.Join(" ", waits), "waits");
			Check.Same(end, world.NowUs, "up to the end of the window");
			Check.Same(WindowMs, waited, "and not longer");
		}

		private static void Ends()
		{
			World world = Open();
			Break(world);
			world.Reconnect();
			world.Output.Take();
			world.Stream(Bytes.Frame(0x82, Bytes.LoginResult(false, 0, 0)));
			world.Stream(Bytes.Frame(0x88, Bytes.Of("0dac")));
			Check.Same("refused; > close 3500; closed 3500", world.Output.Take(), "a refusal");
			world = Open();
			world.Stream(Bytes.Frame(0x88, Bytes.Of("0db8")));
			Check.Same("> close 3512; closed 3512", world.Output.Take(), "taken over");
			world = Open();
			world.Stream(Bytes.Frame(0x82, Bytes.Of("ff")));
			Check.Same("> close 1002; closed 1002 error", world.Output.Take(), "a broken rule");
			world = Open();
			Break(world);
			world.Core.Close(1000, world.NowUs);
			Check.Same("dropped; closed 1000", world.Output.Take(), "a goodbye while nobody is there");
			Check.That(world.Core.Send(11, 2, 0, null, false) == SendResult.NotConnected, "over");
			world = Open();
			Break(world);
			world.Reconnect();
			world.Output.Take();
			world.Core.Close(1000, world.NowUs);
			Break(world);
			Check.Same("closed 1000", world.Output.Take(), "a goodbye in the middle of a try");
		}

		private static void AnotherPlayer()
		{
			foreach (byte[] answer in new[] {Bytes.LoginResult(4, "two", WindowMs, true), Bytes.LoginResult(3, "two", WindowMs)}) {
				World world = Open();
				Break(world);
				world.Reconnect();
				world.Output.Take();
				world.Stream(answer);
				Check.Same("> close 1002; closed 1002 error", world.Output.Take(), "not taken");
			}
		}

		private static void Silence()
		{
			World world = Open(new ClientConfiguration {PingIntervalMs = 1000, FastKeepaliveMs = 0, MayResume = true});
			world.Pass(3999);
			Check.Same("> ping 8; > ping 8; > ping 8", world.Output.Take(), "three pings");
			world.Pass(1);
			Check.Same("dropped", world.Output.Take(), "dropped");
		}

		private static void NoWindow()
		{
			foreach (byte[] answer in new[] {Bytes.LoginResult(3, "", WindowMs), Bytes.LoginResult(3, "one", 0), Bytes.LoginResult(3, "one", -1)}) {
				World world = new World(new ClientConfiguration {PingIntervalMs = 0, MayResume = true});
				world.Stream(Bytes.Upgraded(world.Output.Key));
				world.Stream(answer);
				world.Output.Take();
				Acknowledge(world, 0);
				Break(world);
				Check.Same("message -3 of 0 ''; closed 1006 error", world.Output.Take(), "like any other");
			}
		}

		private static void Wrap()
		{
			World world = Open();
			Break(world);
			world.Reconnect();
			world.Stream(Bytes.LoginResult(3, "two", WindowMs, true, 0, -3));
			for (int i = 0; i < 5; i++)
				world.Stream(World.Message(20, ""));
			world.Output.Take();
			Break(world);
			world.Reconnect();
			Check.Same("dropped; > back with 'two', read 2; opened", world.Output.Take(), "counted");
		}

		private static void Wires()
		{
			foreach (string token in new[] {"t", new string('t', 127), new string('t', 8000)}) {
				Packet packet = new Packet {
					TargetPlayer = -1, Command = PacketCommand.Login, MayResume = true, ReconnectToken = System.Text.Encoding.ASCII.GetBytes(token), Received = -1
				}, read;
				byte[] bytes = Bytes.PacketOf(packet);
				Check.That(PacketReader.TryRead(bytes, 0, bytes.Length, out read) && read.Command == PacketCommand.Login, "measured rightly");
				Check.That(Bytes.Hex(bytes, 0, bytes.Length).Contains(Bytes.Hex(packet.ReconnectToken, 0, token.Length) + "9001ffffffffffffffffff01"), "token and count");
			}
		}

		private static void OneClose()
		{
			Client client = new Client(new ClientConfiguration {MayResume = true});
			string story = "";
			client.Dropped += (sender, e) => story += "dropped ";
			client.ConnectionClose += (sender, e) => story += "close " + client.CloseCode + " ";
			client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-1", null));
			while (client.Status == ConnectionStatus.CONNECTING)
				client.Poll();
			Check.Same("close 1006 ", story, "who was never in is not dropped");
			Check.Throws<ArgumentOutOfRangeException>(() => new Client(new ClientConfiguration {KeptBytesMax = 1}).Connect("localhost", 1, 0, new ConnectionToken("x", null)), "no room");
		}
	}
}
