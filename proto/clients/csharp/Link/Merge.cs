using System;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Link
{
	/// <summary>Fast messages that share a datagram, where the server takes that: each waits for the flush, or until no more fits.</summary>
	internal sealed class Merge
	{
		private readonly ICoreOutput output;
		private readonly ConnectionStats stats;
		private byte[] waiting; /* null until the first one waits */
		private int size, count, bytesMax;

		public Merge(ICoreOutput output, ConnectionStats stats)
		{
			this.output = output;
			this.stats = stats;
		}

		/// <summary>serverBytes: what the server sends in one, so that is what it is sent, up to 1200; 0: none waits.</summary>
		public void Begin(int serverBytes)
		{
			bytesMax = Math.Max(0, Math.Min(serverBytes, Limits.MergedBytes));
		}

		public bool IsOn
		{
			get { return bytesMax > 0; }
		}

		/// <summary>False: it goes by itself, and now.</summary>
		public bool TryAdd(byte[] packet, int packetBytes)
		{
			if (packetBytes > bytesMax - size || count == Limits.MergedPackets)
				Flush();
			if (packetBytes > bytesMax)
				return false;
			waiting = waiting ?? new byte[Limits.MergedBytes];
			Buffer.BlockCopy(packet, 0, waiting, size, packetBytes);
			size += packetBytes;
			count++;
			return true;
		}

		/// <summary>Also before any other datagram: their numbers are in order, and the server takes none that is below the one before.</summary>
		public void Flush()
		{
			int bytes = size, messages = count;
			size = count = 0;
			if (messages == 0)
				return;
			if (output.SendDatagram(waiting, bytes))
				stats.DatagramsMerged += messages > 1 ? 1 : 0;
			else
				stats.MessagesUnsent += messages;
		}

		/// <summary>There is nobody to send it to any more.</summary>
		public void Drop()
		{
			stats.MessagesUnsent += count;
			size = count = 0;
		}
	}
}
