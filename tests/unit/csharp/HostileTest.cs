using System;
using System.Text;
using Ringcast.Realtime.Link;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	/// <summary>Whole conversations of a server, damaged at random: nothing is thrown, the end is told once, pieces tell the same story as the whole.</summary>
	internal static class HostileTest
	{
		private const int RoundCount = 20000;

		public static void Add()
		{
			Runner.Add("hostile/damaged streams, whole and in pieces", Streams);
			Runner.Add("hostile/damaged streams of who comes back", Returns);
			Runner.Add("hostile/damaged answers to the upgrade", Upgrades);
			Runner.Add("hostile/damaged datagrams", Datagrams);
		}

		private static byte[] Conversation()
		{
			byte[] packet = Bytes.PacketOf(new Packet {OpCode = 10, Sender = 2, Payload = Encoding.ASCII.GetBytes("in two")});
			byte[] front = new byte[5], back = new byte[packet.Length - 5];
			Buffer.BlockCopy(packet, 0, front, 0, 5);
			Buffer.BlockCopy(packet, 5, back, 0, back.Length);
			return Bytes.Join(Bytes.Frame(0x82, Bytes.LoginResult(true, 3, 0)), World.Message(10, "a"), Bytes.Frame(0x89, new byte[3]),
				Bytes.Frame(0x02, front), Bytes.Frame(0x8a, new byte[8]), Bytes.Frame(0x80, back), Bytes.Frame(0x82, Bytes.Of("0b0819da0206080712020102")),
				World.Message(11, new string('x', 300)), Bytes.Frame(0x88, Bytes.Of("0daf6b")));
		}

		private static string Tell(byte[] bytes, int most)
		{
			World world = new World();
			bool hasEnded = false;
			world.Stream(Bytes.Upgraded(world.Output.Key));
			world.Output.OnTold = line => {
				Check.That(!hasEnded, "nothing is told after the end, but: " + line);
				hasEnded = line.StartsWith("closed", StringComparison.Ordinal);
			};
			world.Stream(bytes, most);
			world.Core.EndStream("reset", world.NowUs);
			Check.That(hasEnded && world.Core.Phase == Phase.Closed, "the end is told");
			return world.Output.Story;
		}

		private static void Streams()
		{
			byte[] conversation = Conversation();
			Dice dice = new Dice(3);
			string good = Tell(conversation, int.MaxValue);
			Check.That(good.EndsWith("closed 3503", StringComparison.Ordinal) && good.Contains("'in two'") && good.Contains("members of 7: 1,2"), good);
			int sameCount = 0;
			for (int i = 0; i < RoundCount; i++) {
				byte[] bytes = dice.Mutate(conversation);
				string whole = Tell(bytes, int.MaxValue);
				Check.Same(whole, Tell(bytes, 1 + dice.Below(40)), "story in pieces");
				sameCount += whole == good ? 1 : 0;
			}
			Check.That(sameCount < RoundCount / 2, "damage is noticed");
		}

		private static byte[] Acknowledgement(int received)
		{
			return Bytes.Message(new Packet {OpCode = Constants.PING_RESULT_OP_CODE, Command = PacketCommand.PingResult, Received = received});
		}

		private static string TellOfReturn(byte[] before, byte[] behind, int most)
		{
			World world = new World(new ClientConfiguration {PingIntervalMs = 0, FastKeepaliveMs = 0, MayResume = true});
			bool hasEnded = false;
			world.Stream(Bytes.Upgraded(world.Output.Key));
			world.Output.OnTold = line => {
				Check.That(!hasEnded, "nothing is told after the end, but: " + line);
				hasEnded = line.StartsWith("closed", StringComparison.Ordinal);
			};
			world.Stream(before, most);
			world.Say("a", false);
			world.Say("b", false);
			world.Core.EndStream("reset", world.NowUs);
			if (!hasEnded) {
				world.Reconnect();
				world.Stream(behind, most);
				world.Core.EndStream("reset", world.NowUs);
			}
			if (!hasEnded)
				world.Core.Close(CloseCode.Normal, world.NowUs);
			Check.That(hasEnded && world.Core.Phase == Phase.Closed, "the end is told");
			return world.Output.Story;
		}

		private static void Returns()
		{
			byte[] before = Bytes.Join(Bytes.LoginResult(3, "one", 10000), World.Message(10, "a"), Acknowledgement(1), World.Message(10, new string('x', 300)));
			byte[] behind = Bytes.Join(Bytes.LoginResult(3, "two", 10000, true, 1, 2), World.Message(10, "c"), Acknowledgement(2));
			Dice dice = new Dice(6);
			string good = TellOfReturn(before, behind, int.MaxValue);
			Check.That(good.Contains("back with 'one', read 2") && good.Contains("resumed, lost 2; message 10 of 2 'c'"), good);
			int sameCount = 0;
			for (int i = 0; i < RoundCount / 2; i++) {
				byte[] bad = dice.Mutate(before), worse = dice.Mutate(behind);
				string whole = TellOfReturn(bad, worse, int.MaxValue);
				Check.Same(whole, TellOfReturn(bad, worse, 1 + dice.Below(40)), "story in pieces");
				sameCount += whole == good ? 1 : 0;
			}
			Check.That(sameCount < RoundCount / 4, "damage is noticed");
		}

		private static void Upgrades()
		{
			Dice dice = new Dice(4);
			for (int i = 0; i < RoundCount; i++) {
				World world = new World();
				world.Stream(dice.Mutate(Bytes.Upgraded(world.Output.Key)), 1 + dice.Below(200));
				Check.That(world.Core.Phase == Phase.Upgrade || world.Core.Phase == Phase.Login || world.Core.Phase == Phase.Closed, "not logged in by that");
			}
		}

		private static void Datagrams()
		{
			Dice dice = new Dice(5);
			World world = World.LoggedIn(100);
			byte[] ack = Bytes.PacketOf(new Packet {OpCode = -6, SequenceNumber = 0, Sender = -1, Command = PacketCommand.UdpConnect});
			world.Core.TakeDatagram(ack, ack.Length, world.NowUs);
			for (int i = 0; i < RoundCount; i++) {
				byte[] bytes = dice.Mutate(Bytes.PacketOf(new Packet {OpCode = 10, SequenceNumber = i + 1, Sender = 2, Payload = new byte[20]}));
				world.Core.TakeDatagram(bytes, bytes.Length, world.NowUs);
				Check.That(world.Core.Phase == Phase.Open, "a datagram ends nothing");
			}
			ConnectionStats stats = world.Core.Fast;
			Check.That(stats.PacketsDropped > 0 && stats.MessagesReceived > 0 && stats.PacketsDropped + stats.MessagesReceived <= RoundCount, "each is counted");
		}
	}
}
