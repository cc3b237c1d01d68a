using System;

namespace Ringcast.Realtime.Wire
{
	/// <summary>Members of a group while they are read: packed, or one field each. A packet's size bounds them.</summary>
	internal struct PlayerList
	{
		private int[] players;
		private int count;

		public bool TryRead(ref WireReader reader, WireType type)
		{
			WireReader packed;
			if (type == WireType.Varint)
				return TryOne(ref reader);
			if (type != WireType.Bytes)
				return reader.TrySkip(type);
			if (!reader.TryInner(out packed))
				return false;
			while (packed.Left > 0) {
				if (!TryOne(ref packed))
					return false;
			}
			return true;
		}

		private bool TryOne(ref WireReader reader)
		{
			ulong value;
			if (!reader.TryVarint(out value))
				return false;
			if (players == null)
				players = new int[8];
			else if (count == players.Length)
				Array.Resize(ref players, 2 * count);
			players[count++] = (int)value;
			return true;
		}

		public int[] ToArray()
		{
			int[] exact = new int[count];
			if (count > 0)
				Array.Copy(players, exact, count);
			return exact;
		}
	}
}
