using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Link
{
	internal enum FastState
	{
		Off,
		/// <summary>Hellos go out until the server answers one.</summary>
		Hello,
		Up
	}

	/// <summary>The UDP side of the protocol without its socket: hellos with their pauses, numbers, keepalive.</summary>
	internal sealed class FastPath
	{
		public const long Never = long.MaxValue;
		private const int HelloDelayMs = 100, HelloDelayMsMax = 5000;
		/// <summary>How far a number may be ahead: so many, and so many for each millisecond of silence before it. The server bounds ours by the same.</summary>
		private const int LeapMax = 4096, LeapPerMs = 4;
		private const int KeepalivesMissedMax = 5, KeepaliveRepeatMs = 1000;

		private readonly ICoreOutput output;
		private readonly int keepaliveMs;
		private readonly Merge merge;
		private readonly byte[] scratch = new byte[Limits.OverheadBytes];
		private int peerId, sequenceNext, sequenceLast = -1, helloDelayMs = HelloDelayMs, keepalivesUnanswered;
		private long helloDueUs = Never, keepaliveDueUs = Never, heardUs;

		public FastState State { get; private set; }

		public FastPath(ICoreOutput output, int keepaliveMs, ConnectionStats stats)
		{
			this.output = output;
			merge = new Merge(output, stats);
			this.keepaliveMs = keepaliveMs;
		}

		/// <summary>mergeBytes: what the server puts in one datagram; 0: it does not take several packets in one.</summary>
		public void Begin(int peerId, int port, int mergeBytes, long nowUs)
		{
			merge.Begin(mergeBytes);
			this.peerId = peerId;
			if (port < 1 || port > ushort.MaxValue || !output.OpenFast(port))
				return;
			State = FastState.Hello;
			heardUs = nowUs;
			SendHello(nowUs);
		}

		public void End()
		{
			merge.Drop();
			State = FastState.Off;
			helloDueUs = keepaliveDueUs = Never;
		}

		/// <summary>Both sides take several packets in a datagram.</summary>
		public bool IsMerging
		{
			get { return merge.IsOn; }
		}

		/// <summary>A message; false: lost.</summary>
		public bool Send(byte[] packet, int packetBytes)
		{
			return (merge.IsOn && merge.TryAdd(packet, packetBytes)) || output.SendDatagram(packet, packetBytes);
		}

		public void Flush()
		{
			merge.Flush();
		}

		/// <summary>Every datagram has a number of its own, and they do not wrap: whoever has used them all stays on the stream.</summary>
		private bool HasNumber
		{
			get { return sequenceNext < int.MaxValue; }
		}

		public bool CanSend(int payloadBytes)
		{
			return State == FastState.Up && payloadBytes <= Limits.PayloadFastBytes && HasNumber;
		}

		public int TakeNumber()
		{
			return sequenceNext++;
		}

		private void SendCommand(int opCode)
		{
			if (!HasNumber)
				return;
			Packet packet = new Packet {
				OpCode = opCode, SequenceNumber = TakeNumber(), TargetPlayer = Constants.PLAYER_ID_SERVER, Sender = peerId, Command = PacketCommand.UdpConnect
			};
			merge.Flush();
			output.SendDatagram(scratch, PacketWriter.Write(ref packet, scratch, 0));
		}

		private void SendHello(long nowUs)
		{
			if (!HasNumber) {
				End();
				output.FastFailed("all numbers of the UDP channel are used");
				return;
			}
			helloDueUs = nowUs + Core.UsPerMs * helloDelayMs;
			helloDelayMs = helloDelayMs * 2 > HelloDelayMsMax ? HelloDelayMsMax : helloDelayMs * 2;
			SendCommand(Constants.UDP_CONNECT_OP_CODE);
		}

		/// <summary>Below what came before, or what came before itself: a copy, or overtaken.</summary>
		public bool IsStale(int number)
		{
			return number <= sequenceLast;
		}

		/// <summary>Silence before it explains a gap; nothing explains a leap. One forged number would end what comes by UDP for good.</summary>
		public bool IsLeap(int number, long nowUs)
		{
			return (long)number - sequenceLast > LeapMax + LeapPerMs * ((nowUs - heardUs) / Core.UsPerMs);
		}

		/// <summary>Of a packet that is let in: what is dropped says nothing about the server.</summary>
		public void NoteSequence(int number, long nowUs)
		{
			sequenceLast = number;
			heardUs = nowUs;
		}

		public void TakeAck(long nowUs)
		{
			bool isFirst = State == FastState.Hello, isAnswer = keepalivesUnanswered > 0;
			if (!isFirst && !isAnswer)
				return;
			State = FastState.Up;
			helloDueUs = Never;
			keepalivesUnanswered = 0;
			keepaliveDueUs = keepaliveMs > 0 ? nowUs + Core.UsPerMs * keepaliveMs : Never;
			SendCommand(Constants.UDP_CONNECT_CLIENT_ACK_OP_CODE);
			if (isFirst)
				output.FastUp();
		}

		public void Tick(long nowUs)
		{
			if (nowUs >= helloDueUs)
				SendHello(nowUs);
			if (nowUs >= keepaliveDueUs)
				TickKeepalive(nowUs);
		}

		/// <summary>Asked again whether the server hears us: translators of addresses forget who is silent, and give us another port.</summary>
		private void TickKeepalive(long nowUs)
		{
			if (keepalivesUnanswered >= KeepalivesMissedMax) {
				Lose(nowUs);
				return;
			}
			keepalivesUnanswered++;
			keepaliveDueUs = nowUs + Core.UsPerMs * (KeepaliveRepeatMs < keepaliveMs ? KeepaliveRepeatMs : keepaliveMs);
			SendCommand(Constants.UDP_CONNECT_OP_CODE);
		}

		private void Lose(long nowUs)
		{
			State = FastState.Hello;
			keepaliveDueUs = Never;
			keepalivesUnanswered = 0;
			helloDelayMs = HelloDelayMs;
			helloDueUs = nowUs; /* first: what the game throws must not end the hellos */
			output.FastFailed("the server does not answer by UDP");
			if (State == FastState.Hello)
				SendHello(nowUs);
		}
	}
}
