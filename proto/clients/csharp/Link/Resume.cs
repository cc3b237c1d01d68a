using System;
using System.Collections.Generic;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Link
{
	/// <summary>
	/// What outlives a connection (docs/protocol.md, Resuming): what was sent and is not known to be read, how many messages were read, and what brings the player back.
	/// </summary>
	internal sealed class Resume
	{
		/// <summary>So much is read of the server before it is told.</summary>
		private const int AcknowledgeCount = 16, AcknowledgeBytes = 16384;
		/// <summary>Between two tries: doubles with each one.</summary>
		private const int RetryMs = 100, RetryMsMax = 2000;
		/// <summary>What is sent again goes in portions, well below what a server takes of a player by default: what is above that it reads and does not act upon. And no more at once than is acknowledged soon.</summary>
		public const int ResendMs = 20, ResendCount = 20, ResendBytes = 4096, ResendWindow = 256;

		private readonly int keptBytesMax;
		private readonly LinkedList<byte[]> kept = new LinkedList<byte[]>();
		private LinkedListNode<byte[]> unsent; /* the first that was not sent on this connection yet; null: none */
		private int keptBytes, unsentCount, tries;
		private uint keptFirst, received, told;
		private long untoldBytes, windowUs;

		/// <summary>What the next login says in the place of a player session id; null: the server lets nobody resume.</summary>
		public byte[] Token { get; private set; }
		/// <summary>Between the drop and the answer that ends it.</summary>
		public bool IsResuming { get; private set; }
		/// <summary>Of the next try.</summary>
		public long DueUs { get; private set; }
		public long WindowEndUs { get; private set; }

		public long ResumeCount { get; private set; }
		public long GapCount { get; private set; }
		public long ResentCount { get; private set; }

		public Resume(int keptBytesMax)
		{
			this.keptBytesMax = keptBytesMax;
		}

		public bool IsOffered
		{
			get { return Token != null; }
		}

		public int Received
		{
			get { return (int)received; }
		}

		public bool IsUntold
		{
			get { return IsOffered && received != told; }
		}

		/// <summary>Something is still to be sent again, and what comes goes behind it.</summary>
		public bool IsResending
		{
			get { return unsent != null; }
		}

		/// <summary>The next one that goes out again.</summary>
		public byte[] Unsent
		{
			get { return unsent.Value; }
		}

		public void ResetCounts()
		{
			ResumeCount = GapCount = ResentCount = 0;
		}

		/// <summary>From a login result.</summary>
		public void TakeOffer(ref Packet packet)
		{
			bool isGood = packet.ReconnectToken != null && packet.ReconnectToken.Length > 0 && packet.ReconnectToken.Length <= Limits.TokenBytes;
			Token = isGood && packet.ResumeWindowMs > 0 ? packet.ReconnectToken : null;
			windowUs = Core.UsPerMs * packet.ResumeWindowMs;
		}

		/// <summary>False: there is no room.</summary>
		public bool TryKeep(byte[] bytes, int start, int count)
		{
			if (count > keptBytesMax - keptBytes)
				return false;
			byte[] copy = new byte[count];
			Buffer.BlockCopy(bytes, start, copy, 0, count);
			kept.AddLast(copy);
			keptBytes += count;
			unsentCount += IsResending ? 1 : 0;
			return true;
		}

		/// <summary>The last one was not sent after all.</summary>
		public void Unkeep()
		{
			keptBytes -= kept.Last.Value.Length;
			kept.RemoveLast();
		}

		/// <summary>A server that says it has read what was never sent is not believed.</summary>
		public void Forget(int readOfOurs)
		{
			uint count = (uint)readOfOurs - keptFirst;
			if (count > kept.Count - unsentCount)
				return;
			for (; count > 0; count--) {
				keptBytes -= kept.First.Value.Length;
				kept.RemoveFirst();
				keptFirst++;
			}
		}

		/// <summary>True: it is time to tell the server.</summary>
		public bool Count(int payloadBytes)
		{
			received++;
			untoldBytes += payloadBytes;
			return received - told >= AcknowledgeCount || untoldBytes >= AcknowledgeBytes;
		}

		public void NoteTold()
		{
			told = received;
			untoldBytes = 0;
		}

		/// <summary>Whether an end with this code leaves the player with the server. If so the next try has its time.</summary>
		public bool TakeDrop(int code, bool wasOpen, long now)
		{
			unsent = null;
			unsentCount = 0;
			if (!IsOffered || !IsDrop(code, wasOpen))
				return false;
			if (IsResuming) {
				DueUs = Math.Min(WindowEndUs, now + Core.UsPerMs * Math.Min(RetryMsMax, RetryMs << Math.Min(tries, 8)));
				tries++;
				return now < WindowEndUs;
			}
			IsResuming = true;
			tries = 0;
			DueUs = now; /* the first one is made at once */
			WindowEndUs = now + windowUs;
			return true;
		}

		private bool IsDrop(int code, bool wasOpen)
		{
			if (code == CloseCode.Abnormal || code == CloseCode.NoPong)
				return wasOpen || IsResuming;
			return IsResuming && (code == CloseCode.RateLimit || code == CloseCode.LoginTimeout || code == CloseCode.NoResources);
		}

		/// <summary>The server knows the player. What is kept from here on has to go out again.</summary>
		public void TakeAnswer(ref Packet packet)
		{
			received += (uint)packet.Lost;
			Forget(packet.Received);
			unsent = kept.First;
			unsentCount = kept.Count;
			IsResuming = false;
			ResumeCount++;
			GapCount += packet.Lost != 0 ? 1 : 0;
		}

		/// <summary>Of a portion in which so many have gone out: may another one?</summary>
		public bool MayResend(int count, int bytes)
		{
			return count < ResendCount && bytes < ResendBytes && kept.Count - unsentCount < ResendWindow;
		}

		public void NoteResent()
		{
			unsent = unsent.Next;
			unsentCount--;
			ResentCount++;
		}

		/// <summary>Nobody comes back any more.</summary>
		public void GiveUp()
		{
			IsResuming = false;
			Token = null;
		}
	}
}
