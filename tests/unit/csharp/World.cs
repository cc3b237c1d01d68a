using System;
using System.Text;
using Ringcast.Realtime.Link;
using Ringcast.Realtime.Types;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	/// <summary>A core, what it wants, and a clock that stands until it is moved.</summary>
	internal sealed class World
	{
		public readonly FakeOutput Output = new FakeOutput();
		public Core Core { get; private set; }
		public readonly Resume Resume;
		private readonly ClientConfiguration configuration;
		public long NowUs = 1000000;

		public World(ClientConfiguration configuration = null)
		{
			this.configuration = configuration ?? new ClientConfiguration {PingIntervalMs = 0, FastKeepaliveMs = 0};
			Resume = this.configuration.MayResume ? new Resume(this.configuration.KeptBytesMax) : null;
			Core = new Core(this.configuration, Output, Resume);
			Core.Begin(new ConnectionToken("psess-1", null), NowUs);
			Core.RequestUpgrade("localhost", 7777);
		}

		public static World LoggedIn(int fastPort = 0, ClientConfiguration configuration = null)
		{
			World world = new World(configuration);
			world.Stream(Bytes.Upgraded(world.Output.Key));
			world.Stream(Bytes.Frame(0x82, Bytes.LoginResult(true, 3, fastPort)));
			return world;
		}

		/// <summary>As a connection does it: the next core, up to its login. The answer is the test's.</summary>
		public void Reconnect()
		{
			Core = new Core(configuration, Output, Resume, Core);
			Core.BeginAgain(NowUs);
			Output.Request = "";
			Core.RequestUpgrade("localhost", 7777);
			Stream(Bytes.Upgraded(Output.Key));
		}

		/// <summary>Bytes of the stream, at most so many at a time.</summary>
		public void Stream(byte[] bytes, int most = int.MaxValue)
		{
			for (int at = 0; at < bytes.Length; ) {
				ArraySegment<byte> room = Core.Room();
				int count = Math.Min(Math.Min(room.Count, most), bytes.Length - at);
				Check.That(count > 0, "there is always room");
				Buffer.BlockCopy(bytes, at, room.Array, room.Offset, count);
				Core.TakeStream(count, NowUs);
				at += count;
				if (Core.Phase == Phase.Closed)
					return;
			}
		}

		public void Datagram(Packet packet)
		{
			byte[] bytes = Bytes.PacketOf(packet);
			Core.TakeDatagram(bytes, bytes.Length, NowUs);
		}

		/// <summary>Time in which the game runs: a tick twenty times a second, and one at the end.</summary>
		public void Pass(long ms)
		{
			for (long left = ms; left > 0; left -= 50)
				Stall(Math.Min(left, 50));
		}

		/// <summary>Time in which nobody polls, and the poll behind it.</summary>
		public void Stall(long ms)
		{
			NowUs += 1000 * ms;
			Core.Tick(NowUs);
		}

		public SendResult Say(string text, bool isFastWanted)
		{
			return Core.Send(10, 2, 0, Encoding.ASCII.GetBytes(text), isFastWanted);
		}

		public static byte[] Message(int opCode, string text)
		{
			return Bytes.Message(new Packet {OpCode = opCode, Sender = 2, IsReliable = true, Payload = Encoding.ASCII.GetBytes(text)});
		}
	}
}
