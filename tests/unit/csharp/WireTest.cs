using System;
using System.Text;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	internal static class WireTest
	{
		private const string MinusOne = "ffffffffffffffffff01";

		public static void Add()
		{
			Runner.Add("wire/what a client sends is byte for byte what is documented", Vectors);
			Runner.Add("wire/login result", LoginResult);
			Runner.Add("wire/membership, packed and not", Membership);
			Runner.Add("wire/unknown fields and other wire types are read over", Unknown);
			Runner.Add("wire/the last occurrence counts, commands merge", Merging);
			Runner.Add("wire/what breaks the rules is refused", Refused);
			Runner.Add("wire/a packet cut anywhere is refused", Cut);
			Runner.Add("wire/numbers survive", Numbers);
			Runner.Add("wire/mutated packets are read within bounds or refused", Mutated);
		}

		private static Packet Read(string hex)
		{
			Packet packet;
			byte[] bytes = Bytes.Of(hex);
			Check.That(PacketReader.TryRead(bytes, 0, bytes.Length, out packet), hex + " is read");
			return packet;
		}

		private static bool IsRead(string hex)
		{
			Packet packet;
			byte[] bytes = Bytes.Of(hex);
			return PacketReader.TryRead(bytes, 0, bytes.Length, out packet);
		}

		/// <summary>A packet with this body: its length is put in front.</summary>
		private static string Body(string hex)
		{
			Check.That(hex.Length < 256, "a length of one byte");
			return (hex.Length / 2).ToString("x2") + hex;
		}

		private static void Written(string hex, Packet packet)
		{
			byte[] bytes = Bytes.PacketOf(packet);
			Check.Same(hex, Bytes.Hex(bytes, 0, bytes.Length), "packet");
		}

		private static void Vectors()
		{
			Written("2d18" + MinusOne + "30017a0d68656c6c6f2d7061796c6f6164f2010e0a0a70736573732d313233341002", new Packet {
				TargetPlayer = -1, IsReliable = true, Payload = Encoding.ASCII.GetBytes("hello-payload"), Command = PacketCommand.Login,
				PlayerSessionId = Encoding.ASCII.GetBytes("psess-1234")
			});
			Written("12080918" + MinusOne + "2801920200", new Packet {OpCode = -5, TargetPlayer = -1, Sender = 1, Command = PacketCommand.UdpConnect});
			Written("14080d100118" + MinusOne + "2801920200",
				new Packet {OpCode = -7, SequenceNumber = 1, TargetPlayer = -1, Sender = 1, Command = PacketCommand.UdpConnect});
			Written("180814100218" + MinusOne + "28017a056661737431",
				new Packet {OpCode = 10, SequenceNumber = 2, TargetPlayer = -1, Sender = 1, Payload = Encoding.ASCII.GetBytes("fast1")});
			Written("110818100320" + MinusOne + "2801", new Packet {OpCode = 12, SequenceNumber = 3, TargetGroup = -1, Sender = 1});
			Written("17081618" + MinusOne + "280130017a0472656c31",
				new Packet {OpCode = 11, TargetPlayer = -1, Sender = 1, IsReliable = true, Payload = Encoding.ASCII.GetBytes("rel1")});
			Written("160813100718" + MinusOne + "2801c202020807",
				new Packet {OpCode = -10, SequenceNumber = 7, TargetPlayer = -1, Sender = 1, Command = PacketCommand.JoinGroup, Group = 7});
			Written("160817100818" + MinusOne + "2801d202020807",
				new Packet {OpCode = -12, SequenceNumber = 8, TargetPlayer = -1, Sender = 1, Command = PacketCommand.RequestGroupMembership, Group = 7});
			Written("160815100918" + MinusOne + "2801ca02020807",
				new Packet {OpCode = -11, SequenceNumber = 9, TargetPlayer = -1, Sender = 1, Command = PacketCommand.LeaveGroup, Group = 7});
		}

		private static void LoginResult()
		{
			Packet packet = Read("380801180128" + MinusOne + "3001fa01240801120d7265636f6e6e6563742d746f6b180120f98402320b636f6e6e6563742d746f6b");
			Check.Same(-1, packet.OpCode, "op code");
			Check.Same((long)PacketCommand.LoginResult, (long)packet.Command, "command");
			Check.That(packet.IsSuccess, "success");
			Check.Same(1, packet.PeerId, "peer id");
			Check.Same(33401, packet.FastPort, "port");
		}

		private static void Membership()
		{
			Packet packet = Read("1a0819180128" + MinusOne + "3001da0206080712020102");
			Check.Same(7, packet.Group, "group");
			Check.Same("1,2", string.Join(",", packet.Players), "players");
			Check.Same("5,6,7", string.Join(",", Read(Body("0819" + "da02061005" + "12020607")).Players), "one each, then packed");
			Check.Same(0, Read("050819da0200").Players.Length, "an empty group has players, none");
		}

		private static void Unknown()
		{
			Packet packet = Read(Body("0814" + "0a0178" /* field 1 as bytes */ + "3a00" + "69" + "0102030405060708" + "6d" + "01020304" + "a20600" + "7a0161" + "7d00000000"));
			Check.Same(10, packet.OpCode, "op code");
			Check.Same("61", Bytes.Hex(packet.Payload, 0, packet.Payload.Length), "payload");
		}

		private static void Merging()
		{
			Check.Same(2, Read("0408020804").OpCode, "last op code");
			Packet packet = Read(Body("0801" + "fa01020801" + "fa01021805"));
			Check.That(packet.IsSuccess && packet.PeerId == 5, "a login result in two parts");
			packet = Read(Body("0819" + "da0206080712020102" + "da02020808" + "2801"));
			Check.That(packet.Group == 8 && packet.Players.Length == 0, "an update in two parts is the second");
			packet = Read(Body("fa010408011805" + "c202020807"));
			Check.That(packet.Command == PacketCommand.JoinGroup && !packet.IsSuccess && packet.PeerId == 0 && packet.Group == 7, "another command takes its place");
		}

		private static void Refused()
		{
			foreach (string hex in new[] {"", "01", "020814ff", "030814", "ff", "80", "800108", "ffffffffffffffffff7f"})
				Check.That(!IsRead(hex), hex + " is refused: its length is wrong");
			foreach (string body in new[] {
				"00", "0200ff", "08", "0b", "0c14", "0e", "0f", "08ffffffffffffffffff02" /* 65 bits */, "08ffffffffffffffffffff01" /* eleven bytes */,
				"88808080800101" /* a tag of six bytes */, "7aff00", "7affffffff", "7a80808080808080808001", "da02021205", "da02031201ff", "fa010108", "69", "6d010203",
				"0600", "fa010100", "fa01020b00", "c2020108"
			})
				Check.That(!IsRead(Body(body)), body + " is refused");
			Check.That(IsRead("00"), "an empty packet is one");
			byte[] large = new byte[Limits.PacketBytes + 1];
			Packet packet;
			new WireWriter(large, 0).Varint((ulong)large.Length - 3);
			Check.That(!PacketReader.TryRead(large, 0, large.Length, out packet), "too large a packet is refused");
		}

		private static void Cut()
		{
			foreach (string hex in new[] {
				"380801180128" + MinusOne + "3001fa01240801120d7265636f6e6e6563742d746f6b180120f98402320b636f6e6e6563742d746f6b",
				"1a0819180128" + MinusOne + "3001da0206080712020102"
			}) {
				byte[] bytes = Bytes.Of(hex);
				Packet packet;
				for (int count = 0; count < bytes.Length; count++)
					Check.That(!PacketReader.TryRead(bytes, 0, count, out packet), "cut at " + count);
			}
		}

		private static void Numbers()
		{
			foreach (int number in new[] {1, -1, 2, -2, 63, 64, 127, 128, 16383, 16384, int.MaxValue, int.MinValue, int.MinValue + 1}) {
				byte[] bytes = Bytes.PacketOf(new Packet {OpCode = number, SequenceNumber = number, TargetPlayer = number, TargetGroup = number, Sender = number});
				Packet packet;
				Check.That(bytes.Length <= Limits.OverheadBytes, "overhead");
				Check.That(PacketReader.TryRead(bytes, 0, bytes.Length, out packet), "read");
				Check.That(packet.OpCode == number && packet.SequenceNumber == number && packet.TargetPlayer == number && packet.TargetGroup == number &&
					   packet.Sender == number, number.ToString());
			}
		}

		private static void Mutated()
		{
			byte[][] seeds = {
				Bytes.Of("380801180128" + MinusOne + "3001fa01240801120d7265636f6e6e6563742d746f6b180120f98402320b636f6e6e6563742d746f6b"),
				Bytes.Of("1a0819180128" + MinusOne + "3001da0206080712020102"), Bytes.Of("180814100218" + MinusOne + "28017a056661737431")
			};
			Dice dice = new Dice(1);
			int readCount = 0;
			for (int i = 0; i < 200000; i++) {
				byte[] bytes = dice.Mutate(seeds[i % seeds.Length]);
				Packet packet;
				if (!PacketReader.TryRead(bytes, 0, bytes.Length, out packet))
					continue;
				readCount++;
				Check.That(packet.Payload == null || packet.Payload.Length <= bytes.Length, "payload within the packet");
				Check.That(packet.Players == null || packet.Players.Length <= bytes.Length, "players within the packet");
				Check.That(packet.Command != PacketCommand.GroupMembershipUpdate || packet.Players != null, "an update has players");
			}
			Check.That(readCount > 1000, "some were read: " + readCount);
		}
	}
}
