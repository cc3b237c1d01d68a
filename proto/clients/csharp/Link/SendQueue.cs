using System;

namespace Ringcast.Realtime.Link
{
	/// <summary>Bytes that wait for the stream: a ring that grows up to its bound, and keeps a little of that for what must not be refused.</summary>
	internal sealed class SendQueue
	{
		/// <summary>For the request, the login, a close frame, which are sent once in a connection, and for pings, of which few are without an answer. Not for pongs: how many of those, the server says.</summary>
		private const int ControlReserveBytes = 8192;
		private const int FirstBytes = 4096;

		private readonly int bytesMax;
		private byte[] ring = new byte[FirstBytes];
		private int start;

		public int Count { get; private set; }

		public SendQueue(int bytesMax)
		{
			this.bytesMax = bytesMax;
		}

		public bool TryAdd(byte[] bytes, int from, int count, bool isControl)
		{
			if (count > bytesMax + (isControl ? ControlReserveBytes : 0) - Count)
				return false;
			if (Count + count > ring.Length)
				Grow(Count + count);
			int at = (start + Count) % ring.Length, first = Math.Min(count, ring.Length - at);
			Buffer.BlockCopy(bytes, from, ring, at, first);
			Buffer.BlockCopy(bytes, from + first, ring, 0, count - first);
			Count += count;
			return true;
		}

		public void Clear()
		{
			Count = 0;
		}

		private void Grow(int least)
		{
			byte[] larger = new byte[Math.Max(least, 2 * ring.Length)];
			int first = Math.Min(Count, ring.Length - start);
			Buffer.BlockCopy(ring, start, larger, 0, first);
			Buffer.BlockCopy(ring, 0, larger, first, Count - first);
			ring = larger;
			start = 0;
		}

		/// <summary>Writes what the stream takes now.</summary>
		public void Flush(ByteStream stream)
		{
			while (Count > 0) {
				int written = stream.Write(ring, start, Math.Min(Count, ring.Length - start));
				if (written <= 0)
					return;
				start = (start + written) % ring.Length;
				Count -= written;
			}
		}
	}
}
