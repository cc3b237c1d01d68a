using Ringcast.Realtime.Link;
using Ringcast.Realtime.Types;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	internal static class FastPathTest
	{
		private const int Port = 100;

		public static void Add()
		{
			Runner.Add("fast/hellos, the acknowledgement, and once ours", Handshake);
			Runner.Add("fast/hellos go on with growing pauses", Pauses);
			Runner.Add("fast/no port, no socket, not wanted: the stream", Off);
			Runner.Add("fast/fast messages go by datagram, large ones do not", Sending);
			Runner.Add("fast/copies and what was overtaken are dropped", Stale);
			Runner.Add("fast/what has no place in a datagram is dropped", Strange);
			Runner.Add("fast/keepalive: an answer rests it, silence goes back to the stream", Keepalive);
			Runner.Add("fast/a number that nobody can have come to is dropped", Leap);
			Runner.Add("fast/what is dropped moves no number", DroppedNumber);
			Runner.Add("fast/a handler that throws ends no hellos", Thrown);
			Runner.Add("fast/nothing goes by UDP after the end", End);
		}

		private static Packet Ack(int number)
		{
			return new Packet {OpCode = -6, SequenceNumber = number, Sender = -1, TargetPlayer = 3, Command = PacketCommand.UdpConnect};
		}

		private static World Up(ClientConfiguration configuration = null)
		{
			World world = World.LoggedIn(Port, configuration);
			world.Datagram(Ack(0));
			world.Output.Take();
			return world;
		}

		private static void Handshake()
		{
			World world = World.LoggedIn(Port);
			Check.Same("> op 0 n 0; opened; logged in 3; udp> op -5 n 0", world.Output.Take(), "a hello at once");
			world.Datagram(Ack(0));
			Check.Same("udp> op -7 n 1; fast up", world.Output.Take(), "up");
			world.Datagram(Ack(1));
			Check.Same("", world.Output.Take(), "once only");
		}

		private static void Pauses()
		{
			World world = World.LoggedIn(Port);
			int[] pausesMs = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
			for (int i = 0; i < pausesMs.Length; i++) {
				world.Output.Take();
				world.Pass(pausesMs[i] - 1);
				Check.Same("", world.Output.Take(), "not yet, " + i);
				world.Pass(1);
				Check.Same("udp> op -5 n " + (i + 1), world.Output.Take(), "hello " + i);
			}
		}

		private static void Off()
		{
			World world = World.LoggedIn(0);
			Check.That(world.Core.FastPath.State == FastState.Off, "no port");
			world = new World();
			world.Output.HasUdp = false;
			world.Stream(Bytes.Upgraded(world.Output.Key));
			world.Stream(Bytes.Frame(0x82, Bytes.LoginResult(true, 3, Port)));
			Check.That(world.Core.FastPath.State == FastState.Off, "no socket");
			world = World.LoggedIn(Port, new ClientConfiguration {IsFastOff = true});
			Check.That(world.Core.FastPath.State == FastState.Off, "not wanted");
			foreach (string port in new[] {"20ffffffffffffffffff01" /* -1 */, "2080800" + "4" /* 65536 */}) {
				world = new World();
				world.Stream(Bytes.Upgraded(world.Output.Key));
				string result = "08011803" + port, body = "0801fa01" + (result.Length / 2).ToString("x2") + result;
				world.Stream(Bytes.Frame(0x82, Bytes.Of((body.Length / 2).ToString("x2") + body)));
				Check.That(world.Core.Phase == Phase.Open && world.Core.FastPath.State == FastState.Off, "a port that is none");
			}
		}

		private static void Sending()
		{
			World world = World.LoggedIn(Port);
			Check.That(world.Say("x", true) == SendResult.SentReliable, "before it is up");
			world.Datagram(Ack(0));
			world.Output.Take();
			Check.That(world.Say("x", true) == SendResult.SentFast, "fast");
			Check.That(world.Say("x", false) == SendResult.SentReliable, "reliable");
			Check.That(world.Core.Send(10, 2, 0, new byte[1200], true) == SendResult.SentFast, "1200 bytes");
			Check.That(world.Core.Send(10, 2, 0, new byte[1201], true) == SendResult.SentReliable, "1201 bytes");
			Check.Same("udp> op 10 n 2; > op 10 n 0; udp> op 10 n 3; > op 10 n 0", world.Output.Take(), "numbers grow on datagrams only");
		}

		private static void Stale()
		{
			World world = Up();
			foreach (int number in new[] {5, 5, 4, 0, -1, int.MinValue, 6})
				world.Datagram(new Packet {OpCode = 10, Sender = 2, SequenceNumber = number});
			Check.Same("fast message 10 of 2 ''; fast message 10 of 2 ''", world.Output.Take(), "5 and 6");
			Check.Same(5, world.Core.Fast.PacketsDropped, "dropped");
		}

		private static Packet Message(int number)
		{
			return new Packet {OpCode = 10, Sender = 2, SequenceNumber = number};
		}

		private static void Leap()
		{
			World world = Up();
			world.Datagram(Message(int.MaxValue));
			world.Datagram(Message(4097));
			Check.Same("", world.Output.Take(), "leaps");
			Check.Same(2, world.Core.Fast.PacketsLeapt, "counted");
			world.Datagram(Message(1));
			world.Datagram(Message(4097));
			Check.Same("fast message 10 of 2 ''; fast message 10 of 2 ''", world.Output.Take(), "the server's go on, and a gap of 4096 is one");
			world.NowUs += 1000000;
			world.Datagram(Message(4097 + 4096 + 4001));
			world.Datagram(Message(4097 + 4096 + 4000));
			Check.Same("fast message 10 of 2 ''", world.Output.Take(), "silence explains more");
			Check.Same(3, world.Core.Fast.PacketsLeapt, "counted");
			Check.Same(0, world.Core.Fast.PacketsDropped, "by one name only");
			World young = World.LoggedIn(Port);
			young.Output.Take();
			young.Datagram(Ack(int.MaxValue));
			young.Datagram(Ack(0));
			Check.Same("udp> op -7 n 1; fast up", young.Output.Take(), "from the first one on");
		}

		private static void DroppedNumber()
		{
			World world = Up();
			world.Datagram(new Packet {OpCode = -15, Sender = -1, SequenceNumber = 4000});
			world.Datagram(new Packet {OpCode = -13, Sender = -1, SequenceNumber = 4000});
			Check.Same(2, world.Core.Fast.PacketsDropped, "no place, no members");
			world.Datagram(Message(1));
			Check.Same("fast message 10 of 2 ''", world.Output.Take(), "the server's go on");
		}

		private static void Thrown()
		{
			World world = new World(new ClientConfiguration {PingIntervalMs = 0, FastKeepaliveMs = 1000});
			world.Stream(Bytes.Upgraded(world.Output.Key));
			world.Output.OnTold = line => {
				throw new System.InvalidOperationException("of the game");
			};
			world.Output.Take();
			Check.Throws<System.InvalidOperationException>(() => world.Stream(Bytes.Frame(0x82, Bytes.LoginResult(true, 3, Port))), "ready");
			Check.Same("logged in 3; udp> op -5 n 0", world.Output.Take(), "the hello goes out");
			Check.Throws<System.InvalidOperationException>(() => world.Datagram(Ack(0)), "up");
			world.Output.Take();
			Check.Throws<System.InvalidOperationException>(() => world.Pass(6000), "down");
			Check.That(world.Output.Take().EndsWith("fast failed", System.StringComparison.Ordinal), "down");
			world.Output.OnTold = null;
			world.Pass(1);
			Check.Same("udp> op -5 n 7", world.Output.Take(), "hellos again");
			world.Datagram(Ack(1));
			Check.Same("udp> op -7 n 8; fast up", world.Output.Take(), "up again");
		}

		private static void Strange()
		{
			World world = Up();
			byte[] login = Bytes.LoginResult(true, 9, Port);
			world.Core.TakeDatagram(login, login.Length, world.NowUs);
			world.Core.TakeDatagram(new byte[] {0xff, 0xff}, 2, world.NowUs);
			world.Core.TakeDatagram(new byte[0], 0, world.NowUs);
			world.Datagram(new Packet {OpCode = -15, Sender = -1, SequenceNumber = 7});
			Check.Same("", world.Output.Take(), "nothing is told");
			Check.Same(3, world.Core.PeerId, "peer id");
			Check.Same(4, world.Core.Fast.PacketsDropped, "dropped");
		}

		private static void Keepalive()
		{
			World world = Up(new ClientConfiguration {PingIntervalMs = 0, FastKeepaliveMs = 15000});
			world.Pass(15000);
			Check.Same("udp> op -5 n 2", world.Output.Take(), "asked");
			world.Datagram(Ack(1));
			Check.Same("udp> op -7 n 3", world.Output.Take(), "answered");
			world.Pass(14999);
			Check.Same("", world.Output.Take(), "rests");
			world.Pass(1);
			for (int i = 0; i < 4; i++)
				world.Pass(1000);
			Check.Same("udp> op -5 n 4; udp> op -5 n 5; udp> op -5 n 6; udp> op -5 n 7; udp> op -5 n 8", world.Output.Take(), "five times");
			world.Pass(1000);
			Check.Same("fast failed; udp> op -5 n 9", world.Output.Take(), "lost, and hellos again");
			Check.That(world.Say("x", true) == SendResult.SentReliable, "by the stream");
			world.Datagram(Ack(2));
			Check.That(world.Output.Take().EndsWith("udp> op -7 n 10; fast up", System.StringComparison.Ordinal), "up again");
		}

		private static void End()
		{
			World world = Up(new ClientConfiguration {PingIntervalMs = 0, FastKeepaliveMs = 1000});
			world.Core.Close(1000, world.NowUs);
			world.Output.Take();
			world.Datagram(new Packet {OpCode = 10, Sender = 2, SequenceNumber = 9});
			world.Pass(2000);
			Check.Same("", world.Output.Take(), "nothing");
			World hello = World.LoggedIn(Port);
			hello.Output.Take();
			hello.Core.EndStream("reset", hello.NowUs);
			hello.Datagram(Ack(0));
			hello.Pass(100000);
			Check.Same("closed 1006 error", hello.Output.Take(), "nothing after the end");
		}
	}
}
