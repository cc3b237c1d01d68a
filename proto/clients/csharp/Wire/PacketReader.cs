using System;

namespace Ringcast.Realtime.Wire
{
	/// <summary>Bytes to a packet. False for whatever breaks the rules, which the caller drops or closes for.</summary>
	internal static class PacketReader
	{
		/// <summary>Exactly one packet with its length in front, and not a byte more.</summary>
		public static bool TryRead(byte[] bytes, int start, int count, out Packet packet)
		{
			WireReader reader = new WireReader(bytes, start, count), body;
			packet = default(Packet);
			if (count > Limits.PacketBytes || !reader.TryInner(out body) || reader.Left != 0)
				return false;
			while (body.Left > 0) {
				if (!TryField(ref body, ref packet))
					return false;
			}
			return true;
		}

		/// <summary>How many bytes the first packet of several takes. False: what is there does not begin with a whole one.</summary>
		public static bool TrySplit(byte[] bytes, int start, int count, out int packetBytes)
		{
			WireReader reader = new WireReader(bytes, start, count), body;
			bool isWhole = reader.TryInner(out body);
			packetBytes = reader.At - start;
			return isWhole;
		}

		private static bool TryField(ref WireReader reader, ref Packet packet)
		{
			int number;
			WireType type;
			if (!reader.TryTag(out number, out type))
				return false;
			if (number <= 6 && type == WireType.Varint)
				return TryHead(ref reader, number, ref packet);
			if (type == WireType.Bytes && (number == 15 || IsCommand(number)))
				return TryPart(ref reader, number, ref packet);
			return reader.TrySkip(type);
		}

		private static bool IsCommand(int number)
		{
			return number >= (int)PacketCommand.Login && number <= (int)PacketCommand.GroupMembershipUpdate && number != 39;
		}

		private static bool TryHead(ref WireReader reader, int number, ref Packet packet)
		{
			ulong value;
			if (!reader.TryVarint(out value))
				return false;
			switch (number) {
			case 1:
				packet.OpCode = WireReader.ZigZag(value);
				break;
			case 2:
				packet.SequenceNumber = (int)value;
				break;
			case 3:
				packet.TargetPlayer = (int)value;
				break;
			case 4:
				packet.TargetGroup = (int)value;
				break;
			case 5:
				packet.Sender = (int)value;
				break;
			default:
				packet.IsReliable = value != 0;
				break;
			}
			return true;
		}

		private static bool TryPart(ref WireReader reader, int number, ref Packet packet)
		{
			WireReader inner;
			if (!reader.TryInner(out inner))
				return false;
			if (number != 15)
				return TryCommand(ref inner, (PacketCommand)number, ref packet);
			packet.Payload = Copy(inner);
			return true;
		}

		private static byte[] Copy(WireReader reader)
		{
			byte[] copy = new byte[reader.Left];
			Buffer.BlockCopy(reader.Bytes, reader.At, copy, 0, copy.Length);
			return copy;
		}

		/// <summary>A command that comes again is merged, another takes its place, a list of members begins anew.</summary>
		private static bool TryCommand(ref WireReader reader, PacketCommand command, ref Packet packet)
		{
			if (packet.Command != command || command == PacketCommand.GroupMembershipUpdate) {
				packet.Command = command;
				packet.IsSuccess = packet.IsResumed = false;
				packet.PeerId = packet.FastPort = packet.Group = packet.ResumeWindowMs = packet.Received = packet.Lost = packet.MergeBytes = 0;
				packet.ReconnectToken = null;
				packet.Players = null;
			}
			PlayerList players = new PlayerList();
			while (reader.Left > 0) {
				int number;
				WireType type;
				if (!reader.TryTag(out number, out type) || !TryCommandField(ref reader, number, type, ref packet, ref players))
					return false;
			}
			if (command == PacketCommand.GroupMembershipUpdate)
				packet.Players = players.ToArray();
			return true;
		}

		private static bool TryCommandField(ref WireReader reader, int number, WireType type, ref Packet packet, ref PlayerList players)
		{
			ulong value;
			if (packet.Command == PacketCommand.GroupMembershipUpdate && number == 2)
				return players.TryRead(ref reader, type);
			if (type == WireType.Bytes && packet.Command == PacketCommand.LoginResult && number == 2)
				return TryToken(ref reader, ref packet);
			if (type != WireType.Varint)
				return reader.TrySkip(type);
			if (!reader.TryVarint(out value))
				return false;
			TakeNumber(ref packet, number, value);
			return true;
		}

		private static bool TryToken(ref WireReader reader, ref Packet packet)
		{
			WireReader inner;
			if (!reader.TryInner(out inner))
				return false;
			packet.ReconnectToken = Copy(inner);
			return true;
		}

		private static void TakeNumber(ref Packet packet, int number, ulong value)
		{
			bool isResult = packet.Command == PacketCommand.LoginResult || packet.Command == PacketCommand.VerifyIdentityResult;
			bool isAboutGroup = packet.Command >= PacketCommand.JoinGroup;
			if (isResult && number == 1)
				packet.IsSuccess = value != 0;
			else if (packet.Command == PacketCommand.LoginResult)
				TakeResultNumber(ref packet, number, value);
			else if (packet.Command == PacketCommand.PingResult && number == 1)
				packet.Received = (int)value;
			else if (isAboutGroup && number == 1)
				packet.Group = (int)value;
		}

		private static void TakeResultNumber(ref Packet packet, int number, ulong value)
		{
			switch (number) {
			case 3:
				packet.PeerId = (int)value;
				break;
			case 4:
				packet.FastPort = (int)value;
				break;
			case 16:
				packet.IsResumed = value != 0;
				break;
			case 17:
				packet.ResumeWindowMs = (int)value;
				break;
			case 18:
				packet.Received = (int)value;
				break;
			case 19:
				packet.Lost = (int)value;
				break;
			case 20:
				packet.MergeBytes = (int)value;
				break;
			}
		}
	}
}
