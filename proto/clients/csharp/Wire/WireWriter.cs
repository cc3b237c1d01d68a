using System;

namespace Ringcast.Realtime.Wire
{
	/// <summary>Writes protobuf into an array that its maker has made large enough.</summary>
	internal struct WireWriter
	{
		public readonly byte[] Bytes;
		public int At;

		public WireWriter(byte[] bytes, int start)
		{
			Bytes = bytes;
			At = start;
		}

		public void Varint(ulong value)
		{
			for (; value >= 0x80; value >>= 7)
				Bytes[At++] = (byte)(value | 0x80);
			Bytes[At++] = (byte)value;
		}

		public void Tag(int number, WireType type)
		{
			Varint((ulong)number << 3 | (ulong)type);
		}

		/// <summary>Zero is left out. A negative number takes ten bytes.</summary>
		public void Int32(int number, int value)
		{
			if (value == 0)
				return;
			Tag(number, WireType.Varint);
			Varint((ulong)(long)value);
		}

		public void SInt32(int number, int value)
		{
			if (value == 0)
				return;
			Tag(number, WireType.Varint);
			Varint((uint)(value << 1 ^ value >> 31));
		}

		public void Data(int number, byte[] value)
		{
			if (value == null || value.Length == 0)
				return;
			Tag(number, WireType.Bytes);
			Varint((ulong)value.Length);
			Buffer.BlockCopy(value, 0, Bytes, At, value.Length);
			At += value.Length;
		}

		public static int VarintBytes(ulong value)
		{
			int count = 1;
			for (; value >= 0x80; value >>= 7)
				count++;
			return count;
		}
	}
}
