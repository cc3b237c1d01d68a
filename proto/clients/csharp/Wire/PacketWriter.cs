using System;

namespace Ringcast.Realtime.Wire
{
	/// <summary>A packet to bytes, its length in front. Writes what a client sends: messages, a login, commands about groups, what was read, hellos.</summary>
	internal static class PacketWriter
	{
		/// <summary>Into bytes from start on; returns how many. There must be room for the payload, the token and OverheadBytes.</summary>
		public static int Write(ref Packet packet, byte[] bytes, int start)
		{
			int bodyBytes = MeasureBody(ref packet);
			WireWriter writer = new WireWriter(bytes, start);
			writer.Varint((ulong)bodyBytes);
			int bodyStart = writer.At;
			WriteBody(ref writer, ref packet);
			if (writer.At - bodyStart != bodyBytes)
				throw new InvalidOperationException("a packet was measured wrongly");
			return writer.At - start;
		}

		/// <summary>What bytes must have room for.</summary>
		public static int RoomFor(ref Packet packet)
		{
			return Limits.OverheadBytes + LengthOf(packet.Payload) + LengthOf(packet.PlayerSessionId) + LengthOf(packet.ReconnectToken);
		}

		private static int LengthOf(byte[] bytes)
		{
			return bytes == null ? 0 : bytes.Length;
		}

		private static void WriteBody(ref WireWriter writer, ref Packet packet)
		{
			writer.SInt32(1, packet.OpCode);
			writer.Int32(2, packet.SequenceNumber);
			writer.Int32(3, packet.TargetPlayer);
			writer.Int32(4, packet.TargetGroup);
			writer.Int32(5, packet.Sender);
			writer.Int32(6, packet.IsReliable ? 1 : 0);
			writer.Data(15, packet.Payload);
			if (packet.Command == PacketCommand.None)
				return;
			writer.Tag((int)packet.Command, WireType.Bytes);
			writer.Varint((ulong)MeasureCommand(ref packet));
			WriteCommand(ref writer, ref packet);
		}

		private static void WriteCommand(ref WireWriter writer, ref Packet packet)
		{
			if (packet.Command == PacketCommand.Login) {
				writer.Data(1, packet.PlayerSessionId);
				writer.Int32(2, Constants.CLIENT_VERSION);
				writer.Int32(16, packet.MayResume ? 1 : 0);
				writer.Data(17, packet.ReconnectToken);
				writer.Int32(18, packet.Received);
				writer.Int32(19, packet.MayMerge ? 1 : 0);
				writer.Int32(20, packet.NoEcho ? 1 : 0);
			} else {
				writer.Int32(1, NumberOf(ref packet));
			}
		}

		private static int NumberOf(ref Packet packet)
		{
			return packet.Command == PacketCommand.PingResult ? packet.Received : packet.Group;
		}

		private static int MeasureBody(ref Packet packet)
		{
			int count = packet.OpCode == 0 ? 0 : 1 + WireWriter.VarintBytes((uint)(packet.OpCode << 1 ^ packet.OpCode >> 31));
			count += Measure(packet.SequenceNumber) + Measure(packet.TargetPlayer) + Measure(packet.TargetGroup) + Measure(packet.Sender);
			count += packet.IsReliable ? 2 : 0;
			count += Measure(packet.Payload);
			if (packet.Command == PacketCommand.None)
				return count;
			int commandBytes = MeasureCommand(ref packet);
			return count + 2 + WireWriter.VarintBytes((ulong)commandBytes) + commandBytes;
		}

		private static int MeasureCommand(ref Packet packet)
		{
			if (packet.Command == PacketCommand.Login)
				return Measure(packet.PlayerSessionId) + Measure(Constants.CLIENT_VERSION) + MeasureExtensions(ref packet);
			return Measure(NumberOf(ref packet));
		}

		/// <summary>The tags of these have two bytes.</summary>
		private static int MeasureExtensions(ref Packet packet)
		{
			int tokenBytes = Measure(packet.ReconnectToken), receivedBytes = Measure(packet.Received);
			return (packet.MayResume ? 3 : 0) + (packet.MayMerge ? 3 : 0) + (packet.NoEcho ? 3 : 0) + (tokenBytes > 0 ? tokenBytes + 1 : 0) + (receivedBytes > 0 ? receivedBytes + 1 : 0);
		}

		private static int Measure(int value)
		{
			return value == 0 ? 0 : 1 + WireWriter.VarintBytes((ulong)(long)value);
		}

		private static int Measure(byte[] value)
		{
			int count = LengthOf(value);
			return count == 0 ? 0 : 1 + WireWriter.VarintBytes((ulong)count) + count;
		}
	}
}
