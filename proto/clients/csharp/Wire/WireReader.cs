namespace Ringcast.Realtime.Wire
{
	internal enum WireType
	{
		Varint = 0,
		Eight = 1,
		Bytes = 2,
		Four = 5
	}

	/// <summary>Reads protobuf from a stretch of bytes. Each step says whether there was what it wanted; nothing throws.</summary>
	internal struct WireReader
	{
		private const int TagBytesMax = 5;
		private const int VarintBytesMax = 10;

		public readonly byte[] Bytes;
		public readonly int End;
		public int At;

		public WireReader(byte[] bytes, int start, int count)
		{
			Bytes = bytes;
			At = start;
			End = start + count;
		}

		public int Left
		{
			get { return End - At; }
		}

		public bool TryVarint(out ulong value)
		{
			return TryVarint(VarintBytesMax, out value);
		}

		private bool TryVarint(int bytesMax, out ulong value)
		{
			value = 0;
			for (int i = 0; i < bytesMax && At < End; i++) {
				byte next = Bytes[At++];
				if (i == VarintBytesMax - 1 && next > 1)
					return false;
				value |= (ulong)(next & 0x7f) << (7 * i);
				if (next < 0x80)
					return true;
			}
			return false;
		}

		public bool TryTag(out int number, out WireType type)
		{
			ulong tag;
			number = 0;
			type = WireType.Varint;
			if (!TryVarint(TagBytesMax, out tag) || tag > uint.MaxValue)
				return false;
			number = (int)(tag >> 3);
			type = (WireType)(tag & 7);
			return number != 0;
		}

		/// <summary>A length and as many bytes: a reader of those, this one behind them.</summary>
		public bool TryInner(out WireReader inner)
		{
			ulong count;
			inner = default(WireReader);
			if (!TryVarint(out count) || count > (ulong)Left)
				return false;
			inner = new WireReader(Bytes, At, (int)count);
			At += (int)count;
			return true;
		}

		public bool TrySkip(WireType type)
		{
			ulong value;
			WireReader inner;
			switch (type) {
			case WireType.Varint:
				return TryVarint(out value);
			case WireType.Eight:
				return TryStep(8);
			case WireType.Bytes:
				return TryInner(out inner);
			case WireType.Four:
				return TryStep(4);
			default:
				return false;
			}
		}

		private bool TryStep(int count)
		{
			if (Left < count)
				return false;
			At += count;
			return true;
		}

		public static int ZigZag(ulong value)
		{
			uint low = (uint)value;
			return (int)(low >> 1) ^ -(int)(low & 1);
		}
	}
}
